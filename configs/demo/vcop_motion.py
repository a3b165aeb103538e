# VCOP on MotionClips. Differs from vcop_r21d_k100.py in: an eighth of the width, clips of 12 frames with 6 between them
# (so that the start is free in 64 frames), 40 x 40 crops with flip, one backbone pass over all clips, Adam.
_base_ = ['./_base_motion.py']

model = dict(
    type='Recognizer3D',
    backbone=dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=8),
    cls_head=dict(type='auxskd_mm.ClipOrderHead', in_channels=64, tuple_len=3, hidden_channels=64, dropout=0.2),
    data_preprocessor={{_base_.data_preprocessor}},
)
sample = dict(type='auxskd_mm.ClipOrderSample', clip_len=12, tuple_len=3, interval=6)
finish = [
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', algorithm_keys=('order_label',), meta_keys=('filename', 'sample_idx', 'frame_inds')),
]
train_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    sample,
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='auxskd_mm.PerView', clips_per_view=3, transforms={{_base_.augment}}),  # one draw for the tuple
    *finish,
]
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(sample, seed=0),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='auxskd_mm.PerView', transforms={{_base_.centre}}),
    *finish,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_evaluator = dict(
    type='auxskd_mm.PretextAccuracyMetric',
    tasks=['order'],
    class_names=dict(order=['012', '021', '102', '120', '201', '210']),
)
