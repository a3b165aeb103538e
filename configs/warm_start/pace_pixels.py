# VideoPace on frames, end to end from public image weights.
_base_ = ['./_base_pretext_pixels.py']

speeds = (1, 2, 4)
pace = dict(type='auxskd_mm.PaceSample', clip_len=_base_.pretext_len, paces=speeds, mode='fit')
model = dict(
    type='Recognizer3D',
    backbone={{_base_.backbone}},
    cls_head=dict(type='auxskd_mm.PaceHead', in_channels=_base_.channels, num_paces=len(speeds)),
    data_preprocessor={{_base_.data_preprocessor}},
)
finish = [
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', algorithm_keys=('pace_label',), meta_keys=('filename', 'sample_idx', 'frame_inds')),
]
train_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    pace,
    dict(type='auxskd_mm.DecodeClips'),
    *_base_.augment,
    *finish,
]
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(pace, seed=0),
    dict(type='auxskd_mm.DecodeClips'),
    *_base_.centre,
    *finish,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_evaluator = dict(type='auxskd_mm.PretextAccuracyMetric', tasks=['pace'])
