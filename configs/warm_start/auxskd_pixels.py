# auxSKD on frames, end to end from public image weights.
_base_ = ['./_base_pretext_pixels.py']

speeds, segments = (1, 2, 4), 2
model = dict(
    type='auxskd_mm.AuxSKD',
    backbone={{_base_.backbone}},
    neck=dict(type='auxskd_mm.MLP', in_channels=_base_.channels, out_channels=64),
    predictor=dict(type='auxskd_mm.MLP', in_channels=64, hidden_channels=128, out_channels=64),
    queue_size=256,
    data_preprocessor={{_base_.data_preprocessor}},
)
segment = dict(
    type='auxskd_mm.SegmentPaceSample',
    clip_len=_base_.pretext_len,
    num_segments=segments,
    speeds=speeds,
    num_views=2,
    mode='fit',
)
train_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    segment,
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='auxskd_mm.PerView', transforms={{_base_.augment}}),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', meta_keys=('filename', 'sample_idx', 'frame_inds')),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = test_cfg = test_evaluator = None
custom_hooks = [
    dict(type='auxskd_mm.CheckedTransferHook'),
    dict(type='auxskd_mm.BadVideoHook'),
    dict(type='auxskd_mm.SKDDistillerHook', momentum=0.99),
]
