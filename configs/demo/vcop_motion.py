# VCOP on MotionClips that slow down, in minutes:
#     python tools/data/make_motion_clips.py data/motion_clips_slowing --slowing 8
# Plain MotionClips are as likely forwards as backwards: of the six orders no network can do better than one half, and
# this one stays at chance. Differs from vcop_r21d_k100.py in: C3D at an eighth of the width, clips of 8 frames with 16 between
# them (from one to the next the speed halves; the start is free in 64 frames), 40 x 40 crops that a tuple shares, with flip,
# one backbone pass over all clips, less dropout, RGB in [-2, 2], AdamW.
_base_ = ['./_base_motion.py']

data_root = 'data/motion_clips_slowing'
sample = dict(type='auxskd_mm.ClipOrderSample', clip_len=8, tuple_len=3, interval=16)
model = dict(
    type='Recognizer3D',
    backbone={{_base_.backbone}},
    cls_head=dict(
        type='auxskd_mm.ClipOrderHead', in_channels=64, tuple_len=sample['tuple_len'], hidden_channels=64, dropout=0.2
    ),
    data_preprocessor={{_base_.data_preprocessor}},
)
finish = [
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', algorithm_keys=('order_label',), meta_keys=('filename', 'sample_idx', 'frame_inds')),
]
train_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    sample,
    dict(type='auxskd_mm.DecodeClips'),
    dict(
        type='auxskd_mm.PerView', clips_per_view=sample['tuple_len'], transforms={{_base_.augment}}
    ),  # one draw per tuple
    *finish,
]
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(sample, seed=0),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='auxskd_mm.PerView', transforms={{_base_.centre}}),
    *finish,
]
train_dataloader = dict(dataset=dict(source=f'{data_root}/train', pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(source=f'{data_root}/test', pipeline=test_pipeline))
test_evaluator = dict(
    type='auxskd_mm.PretextAccuracyMetric',
    tasks=['order'],
    class_names=dict(order=['012', '021', '102', '120', '201', '210']),
)
