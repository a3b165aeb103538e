# Classifying MotionClips by all layers, from a pretraining (--cfg-options load_from=...) or from scratch, in about two
# minutes on two cores: the network and inputs of the demo's pretraining, 16 of every second frame; two clips per video at test.
_base_ = ['./_base_motion.py']

clip_len, frame_interval, num_clips = 16, 2, 2
num_classes = 10
# Names of the answers, in the order of the labels.
classes = [
    'translation',
    'rotation',
    'zoom',
    'oscillation',
    'bounce',
    'orbit',
    'shear',
    'acceleration',
    'spiral',
    'swing',
]
model = dict(
    type='Recognizer3D',
    backbone={{_base_.backbone}},
    cls_head=dict(
        type='I3DHead', num_classes=num_classes, in_channels=64, dropout_ratio=0.0, average_clips=None
    ),  # the metric averages the clips and names the averaged values
    data_preprocessor={{_base_.data_preprocessor}},
)
pack = dict(type='PackActionInputs', meta_keys=('filename',))
train_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(type='SampleFrames', clip_len=clip_len, frame_interval=frame_interval),
    dict(type='auxskd_mm.StillFrames', enabled=_base_.still),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(64, 48), keep_ratio=False),
    dict(type='auxskd_mm.ClipRandomCrop', size=_base_.crop),  # no flip: left and right may be classes
    dict(type='FormatShape', input_format='NCTHW'),
    pack,
]
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(type='SampleFrames', clip_len=clip_len, frame_interval=frame_interval, num_clips=num_clips, test_mode=True),
    dict(type='auxskd_mm.StillFrames', enabled=_base_.still),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(64, 48), keep_ratio=False),
    dict(type='CenterCrop', crop_size=_base_.crop),
    dict(type='FormatShape', input_format='NCTHW'),
    pack,
]
data_root = 'data/motion_clips'
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='auxskd_mm.LabeledVideoDataset',
        data_root=data_root,
        ann_file='train.txt',
        pipeline=train_pipeline,
    )
)
test_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='auxskd_mm.LabeledVideoDataset',
        data_root=data_root,
        ann_file='test.txt',
        pipeline=test_pipeline,
        test_mode=True,
    )
)
test_evaluator = dict(type='auxskd_mm.MultiClipAccuracy')
optim_wrapper = dict(optimizer=dict(_delete_=True, type='AdamW', lr=3e-3, weight_decay=0.02))
epochs = 15
warmup = min(1, epochs // 4)  # in epochs; none in a run under 4
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.1 if warmup else 1.0,
        by_epoch=True,
        begin=0,
        end=max(warmup, 1),
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        begin=warmup,
        end=epochs,
        T_max=epochs - warmup,
        eta_min=0,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(max_epochs=epochs)
default_hooks = dict(logger=dict(interval=5), checkpoint=dict(interval=5))
