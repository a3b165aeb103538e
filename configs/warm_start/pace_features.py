# VideoPace of the temporal module on stored feature maps.
_base_ = ['./_base_pretext_features.py']

speeds = (1, 2, 4)
pretext_len = 8  # frames per clip of the pretext task
sample = dict(type='auxskd_mm.PaceSample', clip_len=pretext_len, paces=speeds, mode='fit')
model = dict(
    type='Recognizer3D',
    backbone={{_base_.backbone}},
    cls_head=dict(type='auxskd_mm.PaceHead', in_channels=_base_.width, num_paces=len(speeds)),
    data_preprocessor={{_base_.data_preprocessor}},
)
pack = dict(type='PackActionInputs', algorithm_keys=('pace_label',), meta_keys=('filename', 'sample_idx', 'frame_inds'))
train_pipeline = [{{_base_.open_features}}, sample, {{_base_.read}}, pack]
test_pipeline = [{{_base_.open_features}}, dict(sample, seed=0), {{_base_.read}}, pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_evaluator = dict(type='auxskd_mm.PretextAccuracyMetric', tasks=['pace'])
