# Shared parts of the demos: MotionClips (tools/data/make_motion_clips.py) at a size that two CPU
# cores train on in minutes, and the training itself. A demo adds model, train_pipeline and test_pipeline.
_base_ = ['../_base_/default_runtime.py']

data_root = 'data/motion_clips'
still = False  # True repeats one frame of each clip: measures what works without motion
# An eighth of the width. Of our networks the one that leaves chance first at this size (docs/experiments.md).
backbone = dict(type='auxskd_mm.C3DBN', base_channels=8)
data_preprocessor = dict(type='auxskd_mm.ClipDataPreprocessor', mean=[127.5, 127.5, 127.5], std=[64.0, 64.0, 64.0])
# Small frames and no jitter: such networks stay at chance for some hundred steps, so training needs many cheap steps.
crop = 40
augment = [
    dict(type='Resize', scale=(64, 48), keep_ratio=False),
    dict(type='auxskd_mm.ClipRandomCrop', size=crop),
    dict(type='Flip', flip_ratio=0.5),
]
centre = [
    dict(type='Resize', scale=(64, 48), keep_ratio=False),
    dict(type='CenterCrop', crop_size=crop),
]
train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='auxskd_mm.UnlabeledVideoDataset', source=f'{data_root}/train', repeat=4),
)
test_dataloader = dict(
    batch_size=16,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='auxskd_mm.UnlabeledVideoDataset', source=f'{data_root}/test', repeat=4, test_mode=True),
)
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=3e-3, weight_decay=0.02))
epochs = 2
param_scheduler = [
    dict(type='LinearLR', start_factor=0.04, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=True, T_max=epochs, eta_min=0, convert_to_iter_based=True),
]
train_cfg = dict(
    type='auxskd_mm.ResumableEpochTrainLoop', max_epochs=epochs
)  # of 250 steps with the default 1,000 clips
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(max_keep_ckpts=2))
env_cfg = dict(dist_cfg=dict(backend='gloo'))
auto_scale_lr = dict(enable=False, base_batch_size=16)
