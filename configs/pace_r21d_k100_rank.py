# VideoPace with relative instead of absolute pace, after TransRank (CVPR 2022, arXiv 2205.02028): three clips of a video at
# three of the paces are ranked by their pace (see SpeedRankHead). The paper has one score per transformation; one score per
# clip, margin and MLP are this project's choices. Otherwise as pace_r21d_k100.py.
_base_ = './pace_r21d_k100.py'

num_views = 3
sample = dict(
    _base_.sample,
    num_views=num_views,
    mode='fit',  # no clip wraps, so the jump cannot give the pace away
)
pack = dict(
    type='PackActionInputs',
    algorithm_keys=('pace_label', 'clip_speed', 'fastest_label'),
    meta_keys=('filename', 'sample_idx', 'frame_inds'),
)
model = dict(
    cls_head=dict(
        _delete_=True,
        type='auxskd_mm.SpeedRankHead',
        in_channels=512,
        num_views=num_views,
        hidden_channels=512,  # an MLP: the last layer of the backbone is not tied to the task
    )
)
train_pipeline = [
    dict(type='auxskd_mm.OpenVideo', channel_order='bgr'),
    sample,
    dict(type='auxskd_mm.DecodeClips'),
    dict(
        type='auxskd_mm.PerView',  # each clip has its own crop, flip and jitter
        transforms=[
            dict(type='Resize', scale=(171, 128), keep_ratio=False),
            dict(type='auxskd_mm.ClipRandomCrop', size=112),
            dict(type='Flip', flip_ratio=0.5),
            dict(type='auxskd_mm.ClipColorJitter', brightness=0.8, contrast=0.8, saturation=0.8, hue=0.2, p=0.8),
        ],
    ),
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
train_dataloader = dict(batch_size=10, dataset=dict(pipeline=train_pipeline))  # 30 clips per step, as before
test_dataloader = dict(batch_size=10, dataset=dict(pipeline=test_pipeline))
test_evaluator = dict(_delete_=True, type='auxskd_mm.SpeedRankMetric')
auto_scale_lr = dict(base_batch_size=10)
