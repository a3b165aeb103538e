# Faithful to stage 2 of PECoP (Plrbear/PECoP @ af79e55): I3D with Kinetics-400 weights, adapters behind its nine blocks, VSPP
# on the videos of the target task (sampling, portrait frames, BGR, network, frozen weights, loss, schedule); not: random
# streams, BatchNorm over one process' 16 clips (the original's DataParallel has 4 per GPU), and there is a test set (the
# original has none). Where README and code differ, a setting's line says which one it follows.
_base_ = ['_base_/default_runtime.py', '_base_/datasets/target_pecop.py']

model = dict(
    type='Recognizer3D',
    backbone=dict(
        type='auxskd_mm.AdaptedBackbone',
        backbone=dict(
            type='auxskd_mm.I3DInception',
            bn_eps=1e-5,  # the Kinetics weights come from a network with 1e-3
            init_cfg=dict(type='Pretrained', checkpoint='data/weights/model_rgb.pth'),  # hassony2/kinetics_i3d_pytorch
        ),
        # Behind each Inception block, from PyTorch's initialisation: the network does not start as it was.
        adapters=dict(patterns='mixed_*', type='auxskd_mm.ConvAdapter', reduction=4, zero_init=False),
        norm='batch',  # "frozen" covers weights only: the statistics of the BatchNorm layers move
    ),
    cls_head=dict(
        type='auxskd_mm.VSPPHead',
        in_channels=1024,
        num_speeds=_base_.sample.num_speeds,
        num_segments=_base_.sample.num_segments,
        dropout=0.5,  # drawn for each task and each position
        window=(2, 7, 7),  # I3D's average pooling; the logits of its three positions in time are averaged
    ),
    data_preprocessor=dict(
        type='auxskd_mm.ClipDataPreprocessor',
        # ImageNet's constants for R, G, B on frames that are B, G, R.
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
    ),
)
custom_hooks = [*_base_.custom_hooks, dict(type='auxskd_mm.AdapterHook')]

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(
        type='SGD', lr=1e-2, momentum=0.9, weight_decay=1e-4
    ),  # in the code; the README's 1e-3 has no effect here
)
epochs = 8
# The cosine would need 22 epochs to come down: the last epoch still has 0.0077. Its end is the README's lr / 1000.
param_scheduler = dict(type='CosineAnnealingLR', by_epoch=True, T_max=22, eta_min=1e-6)
train_cfg = dict(type='auxskd_mm.ResumableEpochTrainLoop', max_epochs=epochs)
auto_scale_lr = dict(enable=False, base_batch_size=16)
default_hooks = dict(checkpoint=dict(max_keep_ckpts=100))
