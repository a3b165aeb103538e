# auxSKD and VSPP in one phase, for a few hundred clips on two CPU cores: auxskd_r21d_small.py with VSPP's head on the
# student's view, whose pace and segment the sampler draws anyway; both losses are summed. The paper's code has two phases.
# Set train_dataloader.dataset.source and test_dataloader.dataset.source.
_base_ = './auxskd_r21d_small.py'

model = dict(
    type='auxskd_mm.JointAuxSKD',
    cls_head=dict(
        type='auxskd_mm.VSPPHead',
        in_channels=64,
        num_speeds=_base_.sample.num_speeds,
        num_segments=_base_.sample.num_segments,
    ),
    similarity_weight=1.0,
    head_weight=1.0,
)
# The test asks the head: one clip per sample, with the same draws every time.
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo', channel_order='bgr'),
    dict(_base_.sample, num_views=1, seed=0),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(64, 48), keep_ratio=False),
    dict(type='CenterCrop', crop_size=40),
    dict(type='FormatShape', input_format='NCTHW'),
    {{_base_.pack}},
]
test_dataloader = dict(
    batch_size=16,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='auxskd_mm.UnlabeledVideoDataset',
        source='data/kinetics100/val',
        repeat=4,  # shows every test video four times, with other draws
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_evaluator = dict(type='auxskd_mm.SegmentPaceMetric')
test_cfg = dict(type='TestLoop')
