# VSPP on MotionClips in a minute or two. Differs from vspp_r21d_k100.py in: C3D at an eighth of the width, speeds 1, 2, 4 and 8
# (further apart: with 1, 2, 3 and 4 so small a network stays at chance for hundreds of steps), 40 x 40 crops,
# 'fit' sampling, RGB in [-2, 2], no jitter, AdamW.
_base_ = ['./_base_motion.py']

sample = dict(type='auxskd_mm.SegmentPaceSample', clip_len=16, num_segments=4, speeds=(1, 2, 4, 8), mode='fit')
model = dict(
    type='Recognizer3D',
    backbone={{_base_.backbone}},
    cls_head=dict(
        type='auxskd_mm.VSPPHead', in_channels=64, num_speeds=len(sample['speeds']), num_segments=sample['num_segments']
    ),
    data_preprocessor={{_base_.data_preprocessor}},
)
finish = [
    dict(type='FormatShape', input_format='NCTHW'),
    dict(
        type='PackActionInputs',
        algorithm_keys=('pace_label', 'segment_label'),
        meta_keys=('filename', 'sample_idx', 'frame_inds'),
    ),
]
train_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    sample,
    dict(type='auxskd_mm.StillFrames', enabled=_base_.still),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='auxskd_mm.PerView', transforms={{_base_.augment}}),
    *finish,
]
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(sample, seed=0),
    dict(type='auxskd_mm.StillFrames', enabled=_base_.still),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='auxskd_mm.PerView', transforms={{_base_.centre}}),
    *finish,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_evaluator = dict(type='auxskd_mm.SegmentPaceMetric')
optim_wrapper = dict(optimizer=dict(_delete_=True, type='AdamW', lr=1e-3, weight_decay=0))
epochs = 4
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=True, T_max=epochs, eta_min=0, convert_to_iter_based=True),
]
train_cfg = dict(max_epochs=epochs)
