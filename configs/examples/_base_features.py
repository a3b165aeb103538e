# Shared parts of the examples on stored feature maps: the store, a temporal module on its maps, and a training of minutes on
# two CPU cores. An example adds model, pipelines and data sets.
# The store: tools/data/pack_videos.py VIDEOS STORE --layout features --trunk configs/examples/trunk_lite0.py --variants 4
# --crop 0.7 --jitter 0.3 0.3 0.3 0.1. Its variants are the crops, mirror images and colours of the training.
_base_ = ['../_base_/default_runtime.py', './_base_trunk_lite0.py']

width = 64
backbone = dict(type='auxskd_mm.TemporalConvs', in_channels=_base_.channels, channels=width, blocks=2, factorised=True)
data_preprocessor = dict(type='auxskd_mm.FeatureDataPreprocessor', channels=_base_.channels)
open_features = dict(
    type='auxskd_mm.OpenFeatures',
    trunk={{_base_.trunk}},
    channels=_base_.channels,
    grid={{_base_.grid}},
    frame_preprocessor={{_base_.frame_preprocessor}},
    frame_steps={{_base_.frame_steps}},
)
train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
)
test_dataloader = dict(
    batch_size=16,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
)
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.02))
epochs = 24
warmup = min(2, epochs // 4)  # in epochs; none in a run under 4
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.1 if warmup else 1.0,
        by_epoch=True,
        begin=0,
        end=max(warmup, 1),
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        begin=warmup,
        end=epochs,
        T_max=epochs - warmup,
        eta_min=0,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(type='auxskd_mm.ResumableEpochTrainLoop', max_epochs=epochs)
default_hooks = dict(logger=dict(interval=5), checkpoint=dict(interval=10, max_keep_ckpts=1))
env_cfg = dict(dist_cfg=dict(backend='gloo'))
