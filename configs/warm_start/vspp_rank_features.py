# Ranked speeds on stored feature maps: three clips of each video at three speeds; half the videos per step.
_base_ = ['./vspp_features.py']

num_views = 3
sample = dict(_base_.sample, num_views=num_views, distinct_segments=False)
model = dict(
    cls_head=dict(
        _delete_=True,
        type='auxskd_mm.SpeedRankHead',
        in_channels=_base_.width,
        num_views=num_views,
        num_segments=_base_.segments,
        hidden_channels=64,
    )
)
pack = dict(
    type='PackActionInputs',
    algorithm_keys=('pace_label', 'segment_label', 'clip_speed', 'fastest_label'),
    meta_keys=('filename', 'sample_idx', 'frame_inds'),
)
train_pipeline = [{{_base_.open_features}}, sample, {{_base_.read}}, pack]
test_pipeline = [{{_base_.open_features}}, dict(sample, seed=0), {{_base_.read}}, pack]
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(batch_size=8, dataset=dict(pipeline=test_pipeline))
test_evaluator = dict(_delete_=True, type='auxskd_mm.SpeedRankMetric')
