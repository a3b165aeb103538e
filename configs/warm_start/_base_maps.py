# Shared parts of the warm-start rows on stored feature maps: a temporal module on the maps of a frozen image network, and a
# training of a number of steps. benchmarks/warm_start/run.py packs the store and writes the lists.
_base_ = ['../_base_/default_runtime.py', './_base_trunk.py']

# Variables: --cfg-options lists=... num_classes=... clip_len=16 steps=600 still=True
lists = 'lists'
num_classes = None  # the names in {lists}/classes.txt
clip_len = 8  # frames per clip of the measurements
still = False  # True repeats one frame of each clip: measures what works without motion
steps = 600
lr = 2e-3
channels, grid = 112, (7, 7)  # of the trunk's maps at its stage
width = 128
blocks = 3
spatial_strides, temporal_strides = (2, 1, 2), (1, 2, 1)  # one per block
trunk_only = False  # True measures the maps as they are
backbone = dict(
    type='auxskd_mm.TemporalConvs',
    in_channels=channels,
    channels=width,
    blocks=blocks,
    spatial_strides=spatial_strides,
    temporal_strides=temporal_strides,
    factorised=True,
)
if trunk_only:
    backbone = dict(type='auxskd_mm.FeatureMaps', in_channels=channels)
# Or the stage of the public network behind the maps: 'stage' trains it, with shifted channels; 'adapted' freezes it and trains
# adapters behind its blocks, which mix frames. The stage needs lr=5e-4, and adapters alone lr=6e-3.
network = 'temporal'
adapters_only = True  # False trains the stage under the adapters, too
if network != 'temporal':
    width = _base_.widths[_base_.stage + 1]
    backbone = dict(
        _base_.trunk,
        in_index=_base_.stage,
        out_indices=(_base_.stage + 1,),
        temporal='shift' if network == 'stage' else 'none',
    )
if network == 'adapted':
    backbone = dict(
        type='auxskd_mm.AdaptedBackbone',
        backbone=backbone,
        adapters=dict(patterns='trunk.blocks.*.*', type='auxskd_mm.TemporalAdapter', reduction=4, zero_init=True),
        norm='frozen',
        trainable=() if adapters_only else ('**',),
    )
data_preprocessor = dict(type='auxskd_mm.FeatureDataPreprocessor', channels=channels)
open_features = dict(
    type='auxskd_mm.OpenFeatures',
    trunk={{_base_.trunk}},
    channels=channels,
    grid=grid,
    frame_preprocessor={{_base_.frame_preprocessor}},
    frame_steps={{_base_.frame_steps}},
)
read = dict(type='auxskd_mm.DecodeFeatures')
sampler = dict(type='DefaultSampler', shuffle=True)
train_dataloader = dict(batch_size=16, num_workers=0, drop_last=True, sampler=sampler)
test_dataloader = dict(batch_size=16, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False))
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=lr, weight_decay=0.05))
warmup = min(100, steps // 6)
train_cfg = dict(type='auxskd_mm.ResumableIterTrainLoop', max_iters=steps)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=max(warmup, 1)),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=warmup, end=steps, T_max=steps - warmup),
]
log_processor = dict(by_epoch=False)
default_hooks = dict(
    logger=dict(interval=10),
    checkpoint=dict(by_epoch=False, interval=1000, max_keep_ckpts=1),
    # For the depthwise convolutions of the public stage, which CPUs run faster in this layout.
    fast_step=dict(type='auxskd_mm.FastStepHook', channels_last=network != 'temporal'),
)
env_cfg = dict(dist_cfg=dict(backend='gloo'))
