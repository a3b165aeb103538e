# auxSKD on MotionClips in a minute. Differs from auxskd_r21d_k100.py in: C3D at an eighth of the width, speeds 1, 2, 4 and 8, 40 x
# 40 crops, 'fit' sampling, RGB in [-2, 2], light jitter once per clip, a queue of 512 anchors (the pool has a few hundred clips),
# momentum 0.99 (a hundred steps or two), AdamW.
_base_ = ['./_base_motion.py']

model = dict(
    type='auxskd_mm.AuxSKD',
    backbone={{_base_.backbone}},
    neck=dict(type='auxskd_mm.MLP', in_channels=64, out_channels=64),
    predictor=dict(type='auxskd_mm.MLP', in_channels=64, hidden_channels=128, out_channels=64),
    queue_size=512,
    data_preprocessor={{_base_.data_preprocessor}},
)
momentum = 0.99  # of the teacher
custom_hooks = [
    dict(type='auxskd_mm.CheckedTransferHook'),
    dict(type='auxskd_mm.BadVideoHook'),
    dict(type='auxskd_mm.SKDDistillerHook', momentum=momentum),
]
sample = dict(
    type='auxskd_mm.SegmentPaceSample', clip_len=16, num_segments=4, speeds=(1, 2, 4, 8), num_views=2, mode='fit'
)
jitter = dict(
    type='auxskd_mm.ClipColorJitter', brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, p=0.8, clip_consistent=True
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
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='auxskd_mm.PerView', transforms={{_base_.augment}}),
    dict(type='auxskd_mm.PerView', transforms=[jitter]),
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
test_dataloader = dict(dataset=dict(pipeline=test_pipeline, repeat=1))
test_evaluator = dict(type='auxskd_mm.TeacherAgreementMetric')

optim_wrapper = dict(optimizer=dict(_delete_=True, type='AdamW', lr=1e-3, weight_decay=1e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=20),
    dict(type='CosineAnnealingLR', by_epoch=True, T_max=_base_.epochs, eta_min=0, convert_to_iter_based=True),
]
default_hooks = dict(logger=dict(interval=5))
