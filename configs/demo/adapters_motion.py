# Classifying MotionClips with adapters on a frozen VSPP network: finetune_motion.py, where 3 of 100 weights of the network are
# trained. The base is the packaged `vspp_motion`, and adapters.pth holds the rest (docs/packaged_weights.md).
_base_ = ['./finetune_motion.py']

base_weights = 'auxskd_mm://vspp_motion'
model = dict(
    backbone=dict(
        _delete_=True,
        type='auxskd_mm.AdaptedBackbone',
        backbone=dict(**_base_.backbone, init_cfg=dict(type='Pretrained', checkpoint=base_weights)),
        adapters=dict(patterns='bn[2-5]*', type='auxskd_mm.ConvAdapter', reduction=4),
        norm='batch',  # as in PECoP
    )
)
custom_hooks = [*_base_.custom_hooks, dict(type='auxskd_mm.AdapterHook')]  # writes adapters.pth
