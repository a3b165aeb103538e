# auxSKD of the temporal module on stored feature maps.
_base_ = ['./_base_pretext_features.py']

speeds, segments = (1, 2, 4), 2
pretext_len = 8  # frames per clip of the pretext task
lr = 5e-4
optim_wrapper = dict(optimizer=dict(lr=lr))
model = dict(
    type='auxskd_mm.AuxSKD',
    backbone={{_base_.backbone}},
    neck=dict(type='auxskd_mm.MLP', in_channels=_base_.width, out_channels=64),
    predictor=dict(type='auxskd_mm.MLP', in_channels=64, hidden_channels=128, out_channels=64),
    queue_size=256,
    data_preprocessor={{_base_.data_preprocessor}},
)
sample = dict(
    type='auxskd_mm.SegmentPaceSample',
    clip_len=pretext_len,
    num_segments=segments,
    speeds=speeds,
    num_views=2,
    mode='fit',
)
train_pipeline = [
    {{_base_.open_features}},
    sample,
    {{_base_.read}},
    dict(type='PackActionInputs', meta_keys=('filename', 'sample_idx', 'frame_inds')),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = test_cfg = test_evaluator = None
custom_hooks = [
    dict(type='auxskd_mm.CheckedTransferHook'),
    dict(type='auxskd_mm.BadVideoHook'),
    dict(type='auxskd_mm.SKDDistillerHook', momentum=0.99),
]
