# Fine-tuning for a few hundred clips on two CPU cores: the network, crops and inputs of auxskd_r21d_small.py and
# vspp_r21d_small.py, all layers, one cosine, last epoch (nothing is chosen on the test list).
# Lists by tools/data/prepare_folder.py. Weights of a pretraining: --cfg-options load_from=...; without, from scratch.
_base_ = ['../_base_/default_runtime.py']

# Variables: --cfg-options lists=... num_classes=... still=True fps=...
lists = 'lists'
num_classes = None  # the names in {lists}/classes.txt
fps = None  # as in the pretraining
still = False  # True repeats one frame of each clip: measures what works without motion
model = dict(
    type='Recognizer3D',
    backbone=dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=8),
    cls_head=dict(type='I3DHead', num_classes=num_classes, in_channels=64, dropout_ratio=0.0, average_clips=None),
    data_preprocessor=dict(type='auxskd_mm.ClipDataPreprocessor', to_rgb=True),  # BGR in 0-255, as in the pretraining
)
clip_len, frame_interval, num_clips = 16, 2, 5
pack = dict(type='PackActionInputs', meta_keys=('filename',))
train_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(type='auxskd_mm.TimedSampleFrames', clip_len=clip_len, frame_interval=frame_interval, fps=fps),
    dict(type='auxskd_mm.StillFrames', enabled=still),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(64, 48), keep_ratio=False),
    dict(type='auxskd_mm.ClipRandomCrop', size=40),
    dict(type='Flip', flip_ratio=0.5),
    dict(type='FormatShape', input_format='NCTHW'),
    pack,
]
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(
        type='auxskd_mm.TimedSampleFrames',
        clip_len=clip_len,
        frame_interval=frame_interval,
        num_clips=num_clips,
        fps=fps,
        test_mode=True,
    ),
    dict(type='auxskd_mm.StillFrames', enabled=still),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(64, 48), keep_ratio=False),
    dict(type='CenterCrop', crop_size=40),
    dict(type='FormatShape', input_format='NCTHW'),
    pack,
]
train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='auxskd_mm.LabeledVideoDataset', ann_file=f'{lists}/train.txt', pipeline=train_pipeline),
)
test_dataloader = dict(
    batch_size=8,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='auxskd_mm.LabeledVideoDataset', ann_file=f'{lists}/test.txt', pipeline=test_pipeline, test_mode=True
    ),
)
test_evaluator = dict(type='auxskd_mm.MultiClipAccuracy')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=3e-3, weight_decay=0.02))
epochs = 30
warmup = min(2, epochs // 4)  # in epochs; none in a run under 4
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
train_cfg = dict(type='auxskd_mm.ResumableEpochTrainLoop', max_epochs=epochs)
default_hooks = dict(logger=dict(interval=5), checkpoint=dict(interval=10, max_keep_ckpts=1))
env_cfg = dict(dist_cfg=dict(backend='gloo'))
