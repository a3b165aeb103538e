# VCOP of the temporal module on stored feature maps.
_base_ = ['./_base_pretext_features.py']

tuple_len = 2
pretext_len, interval = 4, 2  # frames per clip, and frames left out between the clips of a tuple
sample = dict(type='auxskd_mm.ClipOrderSample', clip_len=pretext_len, tuple_len=tuple_len, interval=interval)
model = dict(
    type='Recognizer3D',
    backbone={{_base_.backbone}},
    cls_head=dict(
        type='auxskd_mm.ClipOrderHead', in_channels=_base_.width, tuple_len=tuple_len, hidden_channels=128, dropout=0.2
    ),
    data_preprocessor={{_base_.data_preprocessor}},
)
pack = dict(
    type='PackActionInputs', algorithm_keys=('order_label',), meta_keys=('filename', 'sample_idx', 'frame_inds')
)
train_pipeline = [{{_base_.open_features}}, sample, {{_base_.read}}, pack]
test_pipeline = [{{_base_.open_features}}, dict(sample, seed=0), {{_base_.read}}, pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_evaluator = dict(type='auxskd_mm.PretextAccuracyMetric', tasks=['order'])
