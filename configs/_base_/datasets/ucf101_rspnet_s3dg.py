# UCF101 as RSPNet fine-tunes and tests S3D-G on it (PeihaoChen/RSPNet @ 2958779): 64 frames at 224, crop of 25-100% of
# the area, flip, no jitter; 10 uniform clips and the centred square at test. Not taken over: its 25 fps resampling.
# Lists by tools/data/prepare_ucf101.py; --cfg-options split=2 takes another split.
split = 1
num_clips = 10  # per video at test
data_root = 'data/ucf101'
clip_len = 64
pack = dict(type='PackActionInputs', meta_keys=('filename',))
train_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(type='SampleFrames', clip_len=clip_len),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='RandomResizedCrop', area_range=(0.25, 1.0), aspect_ratio_range=(3 / 4, 4 / 3)),
    dict(type='Resize', scale=(224, 224), keep_ratio=False),
    dict(type='Flip', flip_ratio=0.5),
    dict(type='FormatShape', input_format='NCTHW'),
    pack,
]
val_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(type='SampleFrames', clip_len=clip_len, num_clips=1, test_mode=True),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(-1, 224)),
    dict(type='CenterCrop', crop_size=224),
    dict(type='FormatShape', input_format='NCTHW'),
    pack,
]
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(type='SampleFrames', clip_len=clip_len, num_clips=num_clips, test_mode=True),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(-1, 224)),
    dict(type='CenterCrop', crop_size=224),
    dict(type='FormatShape', input_format='NCTHW'),
    pack,
]
train_dataloader = dict(
    batch_size=4,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='auxskd_mm.LabeledVideoDataset',
        data_root=data_root,
        # RSPNet trains on the whole list and picks the epoch by the test split; here a validation part is held out.
        ann_file=f'fit_split{split}.txt',
        data_prefix=dict(video='videos'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=4,
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
    batch_size=1,
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
test_evaluator = dict(type='auxskd_mm.MultiClipAccuracy', average='logits')  # RSPNet's; the result holds both averages
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
