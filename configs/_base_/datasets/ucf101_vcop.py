# UCF101 as VCOP fine-tunes and tests on it (xudejing/video-clip-order-prediction @ 7a1710d): 16 consecutive frames from
# a random start, 128 x 171, crop 112, no flip, no jitter; 10 uniform clips and the centre crop at test.
# Lists by tools/data/prepare_ucf101.py. The split is one option, for this and all configs on it:
# --cfg-options split=2, for training and test alike.
split = 1
num_clips = 10  # per video at test
data_root = 'data/ucf101'
clip_len = 16
pack = dict(type='PackActionInputs', meta_keys=('filename',))
train_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(type='SampleFrames', clip_len=clip_len),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(171, 128), keep_ratio=False),
    dict(type='RandomCrop', size=112),  # one offset per clip; the original needs a trick for that, see methods
    dict(type='FormatShape', input_format='NCTHW'),
    pack,
]
val_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(type='SampleFrames', clip_len=clip_len, num_clips=1, test_mode=True),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(171, 128), keep_ratio=False),
    dict(type='CenterCrop', crop_size=112),
    dict(type='FormatShape', input_format='NCTHW'),
    pack,
]
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    # The original cuts its starts down where this rounds them: at most one frame apart.
    dict(type='SampleFrames', clip_len=clip_len, num_clips=num_clips, test_mode=True),
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
        type='auxskd_mm.LabeledVideoDataset',
        data_root=data_root,
        ann_file=f'fit_split{split}.txt',  # the training list without 800 videos for validation, as VCOP
        data_prefix=dict(video='videos'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='auxskd_mm.LabeledVideoDataset',
        data_root=data_root,
        ann_file=f'val_split{split}.txt',
        data_prefix=dict(video='videos'),
        pipeline=val_pipeline,
        test_mode=True,
    ),
)
test_dataloader = dict(
    batch_size=4,
    num_workers=8,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='auxskd_mm.LabeledVideoDataset',
        data_root=data_root,
        ann_file=f'test_split{split}.txt',
        data_prefix=dict(video='videos'),
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
val_evaluator = dict(type='auxskd_mm.MultiClipAccuracy')
test_evaluator = dict(type='auxskd_mm.MultiClipAccuracy', average='logits')  # VCOP's; the result holds both averages
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
