# RSPNet of the temporal module on stored feature maps.
_base_ = ['./_base_pretext_features.py']

max_speed = 2
pretext_len = 8  # frames per clip of the pretext task
head = dict(type='auxskd_mm.RelativeSpeedHead', in_channels=_base_.width, out_channels=64)
model = dict(
    type='auxskd_mm.RSPNet',
    backbone={{_base_.backbone}},
    head_a=head,
    head_m=head,
    queue_size=512,
    speed=max_speed,
    appearance_weight=0.1,
    data_preprocessor={{_base_.data_preprocessor}},
)
custom_hooks = [
    dict(type='auxskd_mm.CheckedTransferHook'),
    dict(type='auxskd_mm.BadVideoHook'),
    dict(type='auxskd_mm.SKDDistillerHook', momentum=0.99),
]
sample = dict(type='auxskd_mm.RelativeSpeedSample', clip_len=pretext_len, max_speed=max_speed)
pack = dict(type='PackActionInputs', algorithm_keys=(), meta_keys=('filename', 'sample_idx', 'frame_inds'))
train_pipeline = [{{_base_.open_features}}, sample, {{_base_.read}}, pack]
test_pipeline = [{{_base_.open_features}}, dict(sample, seed=0), {{_base_.read}}, pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
class_names = dict(speed=['1x', f'{max_speed}x'])
test_evaluator = dict(type='auxskd_mm.PretextAccuracyMetric', tasks=['speed'], class_names=class_names)
