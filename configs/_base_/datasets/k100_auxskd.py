# Kinetics-100 as auxSKD sees it: two clips per video, with another segment at another pace, each augmented on its own
# (methods of Plrbear/auxSKD @ 79e99b8).
clip_len = 16
pack = dict(
    type='PackActionInputs',
    algorithm_keys=('pace_label', 'segment_label'),
    meta_keys=('filename', 'sample_idx', 'frame_inds', 'frame_seconds'),
)
sample = dict(
    type='auxskd_mm.SegmentPaceSample',
    clip_len=clip_len,
    num_segments=4,
    num_speeds=4,
    num_views=2,
    lookahead=3,  # the original wraps three steps before the end; VSPP's own loader one
)
train_pipeline = [
    dict(type='auxskd_mm.OpenVideo', channel_order='bgr'),  # the original reads with OpenCV and never converts
    sample,
    dict(type='auxskd_mm.DecodeClips'),
    dict(
        type='auxskd_mm.PerView',
        transforms=[
            dict(type='Resize', scale=(171, 128), keep_ratio=False),
            dict(type='auxskd_mm.ClipRandomCrop', size=112),
            dict(type='Flip', flip_ratio=0.5),
            # one draw per frame
            dict(type='auxskd_mm.ClipColorJitter', brightness=0.8, contrast=0.8, saturation=0.8, hue=0.2, p=0.8),
        ],
    ),
    dict(type='FormatShape', input_format='NCTHW'),
    pack,
]
train_dataloader = dict(
    batch_size=30,
    num_workers=8,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='auxskd_mm.UnlabeledVideoDataset',
        source='data/kinetics100/k100.list',
        data_prefix='data/kinetics100/train',
        pipeline=train_pipeline,
    ),
)
# Held-out clips, without augmentation; the original has no test.
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo', channel_order='bgr'),
    dict(sample, seed=0),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(171, 128), keep_ratio=False),
    dict(type='CenterCrop', crop_size=112),
    dict(type='FormatShape', input_format='NCTHW'),
    pack,
]
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
test_evaluator = dict(type='auxskd_mm.TeacherAgreementMetric')
test_cfg = dict(type='TestLoop')
