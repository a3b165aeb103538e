# auxSKD and VSPP in one phase on stored feature maps: both losses are summed. The test is VSPP's.
_base_ = ['./vspp_features.py']

lr = 5e-4  # as auxSKD
optim_wrapper = dict(optimizer=dict(lr=lr))
model = dict(
    _delete_=True,
    type='auxskd_mm.JointAuxSKD',
    backbone={{_base_.backbone}},
    neck=dict(type='auxskd_mm.MLP', in_channels=_base_.width, out_channels=64),
    predictor=dict(type='auxskd_mm.MLP', in_channels=64, hidden_channels=128, out_channels=64),
    queue_size=256,
    cls_head={{_base_.model.cls_head}},
    data_preprocessor={{_base_.data_preprocessor}},
)
train_pipeline = [{{_base_.open_features}}, dict(_base_.sample, num_views=2), {{_base_.read}}, {{_base_.pack}}]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
custom_hooks = [
    dict(type='auxskd_mm.CheckedTransferHook'),
    dict(type='auxskd_mm.BadVideoHook'),
    dict(type='auxskd_mm.SKDDistillerHook', momentum=0.99),
]
