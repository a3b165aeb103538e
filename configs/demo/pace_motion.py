# VideoPace on MotionClips in minutes. Differs from pace_r21d_k100.py in: C3D at an eighth of the width, clips of 8 frames at
# paces 1, 2, 4 and 8 (which are further apart, in half the frames), 40 x 40 crops, 'fit' sampling, RGB in [-2, 2], no jitter,
# AdamW.
_base_ = ['./_base_motion.py']

sample = dict(type='auxskd_mm.PaceSample', clip_len=8, paces=(1, 2, 4, 8), mode='fit')
model = dict(
    type='Recognizer3D',
    backbone={{_base_.backbone}},
    cls_head=dict(type='auxskd_mm.PaceHead', in_channels=64, num_paces=len(sample['paces'])),
    data_preprocessor={{_base_.data_preprocessor}},
)
finish = [
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', algorithm_keys=('pace_label',), meta_keys=('filename', 'sample_idx', 'frame_inds')),
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
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_evaluator = dict(type='auxskd_mm.PretextAccuracyMetric', tasks=['pace'])
