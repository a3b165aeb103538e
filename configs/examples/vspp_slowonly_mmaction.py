# VSPP pretraining of a stock MMAction2 config's backbone, on a folder of videos.
_base_ = 'mmaction::recognition/slowonly/slowonly_r50_8xb16-4x16x1-256e_kinetics400-rgb.py'
custom_imports = dict(imports=['auxskd_mm'], allow_failed_imports=False)
model = dict(cls_head=dict(_delete_=True, type='auxskd_mm.VSPPHead', in_channels=2048))
size = 224
pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(type='auxskd_mm.SegmentPaceSample', clip_len=16, mode='fit'),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='RandomResizedCrop'),
    dict(type='Resize', scale=(size, size), keep_ratio=False),
    dict(type='Flip', flip_ratio=0.5),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', algorithm_keys=('pace_label', 'segment_label')),
]
dataset = dict(_delete_=True, type='auxskd_mm.UnlabeledVideoDataset', source='data/my_videos', pipeline=pipeline)
train_dataloader = dict(dataset=dataset)
val_dataloader = val_cfg = val_evaluator = test_dataloader = test_cfg = test_evaluator = None
