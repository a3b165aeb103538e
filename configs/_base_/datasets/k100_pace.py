# Kinetics-100 as VideoPace sees it: one clip per video, at a random pace from a random start
# (methods of laura-wang/video-pace @ cc1e561).
clip_len = 16
pack = dict(
    type='PackActionInputs',
    algorithm_keys=('pace_label',),
    meta_keys=('filename', 'sample_idx', 'frame_inds', 'frame_seconds'),
)
sample = dict(type='auxskd_mm.PaceSample', clip_len=clip_len, paces=(1, 2, 3, 4))
train_pipeline = [
    dict(type='auxskd_mm.OpenVideo', channel_order='bgr'),  # the original reads with OpenCV and never converts
    sample,
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(171, 128), keep_ratio=False),
    dict(type='auxskd_mm.ClipRandomCrop', size=112),
    dict(type='Flip', flip_ratio=0.5),
    # one draw per frame
    dict(type='auxskd_mm.ClipColorJitter', brightness=0.8, contrast=0.8, saturation=0.8, hue=0.2, p=0.8),
    dict(type='FormatShape', input_format='NCTHW'),
    pack,
]
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo', channel_order='bgr'),
    dict(sample, seed=0),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(171, 128), keep_ratio=False),
    dict(type='CenterCrop', crop_size=112),
    dict(type='FormatShape', input_format='NCTHW'),
    pack,
]
train_dataloader = dict(
    batch_size=30,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='auxskd_mm.UnlabeledVideoDataset',
        source='data/kinetics100/k100.list',
        data_prefix='data/kinetics100/train',
        repeat=10,  # the original goes through its list ten times per epoch
        pipeline=train_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=30,
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
test_evaluator = dict(type='auxskd_mm.PretextAccuracyMetric', tasks=['pace'])
test_cfg = dict(type='TestLoop')
