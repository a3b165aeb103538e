# Fine-tuning of all layers, a number of steps, last weights (nothing is chosen on the test list).
_base_ = ['./_base_clips.py']

steps = 300
precision = 'float32'  # or 'bfloat16', for a GPU; on a CPU all is float32
warmup = min(20, steps // 4)
model = dict(
    type='Recognizer3D',
    backbone={{_base_.backbone}},
    cls_head=dict(
        type='auxskd_mm.ClipClassHead',
        num_classes=_base_.num_classes,
        in_channels=_base_.channels,
        pooling='time',
        dropout_ratio=0.0,
        average_clips=None,
    ),
    data_preprocessor={{_base_.data_preprocessor}},
)
large = int(_base_.size * _base_.margin)
train_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    _base_.sample,
    dict(type='auxskd_mm.StillFrames', enabled=_base_.still),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(large, large), keep_ratio=False),
    dict(type='auxskd_mm.ClipRandomCrop', size=_base_.size),
    dict(type='Flip', flip_ratio=_base_.flip),
    dict(type='FormatShape', input_format='NCTHW'),
    _base_.pack,
]
train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='auxskd_mm.LabeledVideoDataset', ann_file=f'{_base_.lists}/train.txt', pipeline=train_pipeline),
)
test_dataloader = dict(
    batch_size=16,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='auxskd_mm.LabeledVideoDataset',
        ann_file=f'{_base_.lists}/test.txt',
        pipeline={{_base_.test_pipeline}},
        test_mode=True,
    ),
)
test_evaluator = dict(type='auxskd_mm.MultiClipAccuracy')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.02))
if precision != 'float32':
    optim_wrapper = dict(optim_wrapper, type='AmpOptimWrapper', dtype=precision)
custom_hooks = [
    dict(type='auxskd_mm.CheckedTransferHook'),
    dict(type='auxskd_mm.BadVideoHook'),
    dict(type='auxskd_mm.FastStepHook', channels_last=True, compile=False),
]
train_cfg = dict(type='auxskd_mm.ResumableIterTrainLoop', max_iters=steps)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=max(warmup, 1)),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=warmup, end=steps, T_max=steps - warmup),
]
log_processor = dict(by_epoch=False)
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(by_epoch=False, interval=250, max_keep_ckpts=1))
