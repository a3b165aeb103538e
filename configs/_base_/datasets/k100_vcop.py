# Kinetics-100 as VCOP sees it: three clips of 16 frames with 8 between them, shuffled
# (methods of xudejing/video-clip-order-prediction @ 7a1710d). Videos below 64 frames (238 of 32,552) are replaced while
# loading; the original leaves them out of its lists.
clip_len = 16
pack = dict(
    type='PackActionInputs',
    algorithm_keys=('order_label',),
    meta_keys=('filename', 'sample_idx', 'frame_inds', 'frame_seconds'),
)
sample = dict(type='auxskd_mm.ClipOrderSample', clip_len=clip_len, tuple_len=3, interval=8)
train_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    sample,
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(171, 128), keep_ratio=False),
    # one draw per clip, shared by its frames, as the original's reset of the seed does; no flip, no jitter
    dict(type='auxskd_mm.PerView', transforms=[dict(type='auxskd_mm.ClipRandomCrop', size=112)]),
    dict(type='FormatShape', input_format='NCTHW'),
    pack,
]
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(sample, seed=0),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(171, 128), keep_ratio=False),
    dict(type='CenterCrop', crop_size=112),
    dict(type='FormatShape', input_format='NCTHW'),
    pack,
]
train_dataloader = dict(
    batch_size=8,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='auxskd_mm.UnlabeledVideoDataset',
        source='data/kinetics100/k100.list',
        data_prefix='data/kinetics100/train',
        pipeline=train_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=8,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='auxskd_mm.UnlabeledVideoDataset',
        source='data/kinetics100/val',
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_evaluator = dict(
    type='auxskd_mm.PretextAccuracyMetric',
    tasks=['order'],
    class_names=dict(order=['012', '021', '102', '120', '201', '210']),
)
test_cfg = dict(type='TestLoop')
