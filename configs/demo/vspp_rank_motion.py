# Speed ranking on MotionClips in a minute or two: vspp_motion.py with the head of vspp_r21d_k100_rank.py. Three clips of a
# video at the speeds 2, 4 and 8; half the videos per step.
_base_ = ['./vspp_motion.py']

num_views = 3
sample = dict(_base_.sample, num_views=num_views, distinct_segments=False, unchanged_speed=False)
model = dict(
    cls_head=dict(
        _delete_=True,
        type='auxskd_mm.SpeedRankHead',
        in_channels=64,
        num_views=num_views,
        num_segments=sample['num_segments'],
        hidden_channels=64,
    )
)
finish = [
    dict(type='FormatShape', input_format='NCTHW'),
    dict(
        type='PackActionInputs',
        algorithm_keys=('pace_label', 'segment_label', 'clip_speed', 'fastest_label'),
        meta_keys=('filename', 'sample_idx', 'frame_inds'),
    ),
]
train_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    sample,
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='auxskd_mm.PerView', transforms={{_base_.augment}}),
    *finish,
]
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(sample, seed=0),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='auxskd_mm.PerView', transforms={{_base_.centre}}),
    *finish,
]
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(batch_size=8, dataset=dict(pipeline=test_pipeline))
test_evaluator = dict(_delete_=True, type='auxskd_mm.SpeedRankMetric')
