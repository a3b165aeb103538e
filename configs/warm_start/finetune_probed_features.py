# Fine-tuning from the linear probe (LP-FT, Kumar et al., ICLR 2022): the head starts with the weights of a probe on the frozen
# features, and learning rates fall from the head to the input. A head of random weights would distort the public ones first.
_base_ = ['./finetune_features.py']

# Variable: --cfg-options layer_decay=1.0 gives all layers the same rate.
layer_decay = 0.7
probe_loader = dict(
    batch_size=16,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='auxskd_mm.LabeledVideoDataset',
        pipeline={{_base_.test_pipeline}},
        test_mode=True,
    ),
)
custom_hooks = [
    dict(type='auxskd_mm.CheckedTransferHook'),
    dict(type='auxskd_mm.BadVideoHook'),
    # Groups that the probe holds out to choose its weight decay.
    dict(type='auxskd_mm.ProbeHeadHook', loader=probe_loader, group_file=f'{_base_.lists}/groups.csv'),
]
optim_wrapper = dict(
    constructor='auxskd_mm.LayerDecayConstructor',
    paramwise_cfg=dict(layer_decay=layer_decay),
)
