# The unlabelled videos of a target task as PECoP sees them: one clip per video, a random segment of it at another speed than
# the rest (Plrbear/PECoP @ af79e55).
clip_len = 32
pack = dict(
    type='PackActionInputs',
    algorithm_keys=('pace_label', 'segment_label'),
    meta_keys=('filename', 'sample_idx', 'frame_inds'),
)
sample = dict(
    type='auxskd_mm.SegmentPaceSample',
    clip_len=clip_len,
    num_segments=4,
    num_speeds=5,
    base_step=3,  # the code's default, for gait; 1 for other tasks, such as leg agility or diving
    mode='pecop',  # three frames left out, a look-ahead of 4 at every base step, speed 3 never drawn
)
train_pipeline = [
    dict(type='auxskd_mm.OpenVideo', channel_order='bgr'),  # the original reads with OpenCV and never converts
    sample,
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Flip', flip_ratio=0.5),
    # Resize((455, 256)) of torch_videovision is height and width: a portrait, whatever the video is.
    dict(type='Resize', scale=(256, 455), keep_ratio=False, interpolation='nearest'),
    dict(type='auxskd_mm.ClipRandomCrop', size=224),
    dict(type='FormatShape', input_format='NCTHW'),  # the original's colour jitter is built and never applied
    pack,
]
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo', channel_order='bgr'),
    dict(sample, seed=0),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(256, 455), keep_ratio=False, interpolation='nearest'),
    dict(type='CenterCrop', crop_size=224),
    dict(type='FormatShape', input_format='NCTHW'),
    pack,
]
train_dataloader = dict(
    batch_size=16,  # the README's; the argument's default is 32
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='auxskd_mm.UnlabeledVideoDataset',
        source='data/target/train',
        repeat=20,  # the original goes through its list twenty times per epoch
        pipeline=train_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='auxskd_mm.UnlabeledVideoDataset',
        source='data/target/val',
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_evaluator = dict(type='auxskd_mm.SegmentPaceMetric')
test_cfg = dict(type='TestLoop')
