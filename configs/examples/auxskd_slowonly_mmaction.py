# The auxiliary phase on a stock MMAction2 config's backbone, on a folder of videos.
_base_ = 'mmaction::recognition/slowonly/slowonly_r50_8xb16-4x16x1-256e_kinetics400-rgb.py'
custom_imports = dict(imports=['auxskd_mm'], allow_failed_imports=False)
model = dict(
    _delete_=True,
    type='auxskd_mm.AuxSKD',
    backbone={{_base_.model.backbone}},
    neck=dict(type='auxskd_mm.MLP', in_channels=2048, out_channels=128),
    predictor=dict(type='auxskd_mm.MLP', in_channels=128, hidden_channels=1024, out_channels=128),
    data_preprocessor={{_base_.model.data_preprocessor}},
)
custom_hooks = [dict(type='auxskd_mm.SKDDistillerHook', momentum=0.999)]
size = 224
view = [dict(type='RandomResizedCrop'), dict(type='Resize', scale=(size, size), keep_ratio=False), dict(type='Flip')]
pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(type='auxskd_mm.SegmentPaceSample', clip_len=16, num_views=2, mode='fit'),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='auxskd_mm.PerView', transforms=view),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs'),
]
dataset = dict(_delete_=True, type='auxskd_mm.UnlabeledVideoDataset', source='data/my_videos', pipeline=pipeline)
train_dataloader = dict(dataset=dataset)
val_dataloader = val_cfg = val_evaluator = test_dataloader = test_cfg = test_evaluator = None
