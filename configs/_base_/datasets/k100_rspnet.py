# Kinetics-100 as RSPNet sees it: two views of 32 consecutive frames per video, each cropped on its own; the model takes the
# speeds out of them (methods of PeihaoChen/RSPNet @ 2958779). Grey, jitter and normalisation are the model's data
# preprocessor's, on its device as in the original.
clip_len = 16
pack = dict(
    type='PackActionInputs', algorithm_keys=(), meta_keys=('filename', 'sample_idx', 'frame_inds', 'frame_seconds')
)
sample = dict(type='auxskd_mm.RelativeSpeedSample', clip_len=clip_len, max_speed=2)
train_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    sample,
    dict(type='auxskd_mm.DecodeClips'),
    dict(
        type='auxskd_mm.PerView',
        transforms=[
            dict(type='RandomResizedCrop', area_range=(0.4, 1.0), aspect_ratio_range=(3 / 4, 4 / 3)),
            dict(type='Resize', scale=(112, 112), keep_ratio=False),
            dict(type='Flip', flip_ratio=0.5),
        ],
    ),
    dict(type='FormatShape', input_format='NCTHW'),
    pack,
]
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(sample, seed=0),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(-1, 112)),  # with the crop: the largest centred square, as in the original's test
    dict(type='CenterCrop', crop_size=112),
    dict(type='FormatShape', input_format='NCTHW'),
    pack,
]
train_dataloader = dict(
    batch_size=32,
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
test_dataloader = dict(
    batch_size=32,
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
class_names = dict(speed=['1x', f'{sample["max_speed"]}x'])
test_evaluator = dict(type='auxskd_mm.PretextAccuracyMetric', tasks=['speed'], class_names=class_names)
test_cfg = dict(type='TestLoop')
