# VSPP at a size that two CPU cores train in minutes, on MotionClips (tools/data/make_motion_clips.py). Differs from
# vspp_r21d_k100.py in: an eighth of the width, 56 x 56 crops, 'fit' sampling, RGB in [0, 1], clip-consistent light
# jitter, Adam.
_base_ = ['../_base_/default_runtime.py']

data_root = 'data/motion_clips'
clip_len = 16
model = dict(
    type='Recognizer3D',
    backbone=dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=8),
    cls_head=dict(type='auxskd_mm.VSPPHead', in_channels=64, num_speeds=4, num_segments=4),
    data_preprocessor=dict(type='auxskd_mm.ClipDataPreprocessor', mean=[127.5, 127.5, 127.5], std=[64.0, 64.0, 64.0]),
)
pack = dict(
    type='PackActionInputs',
    algorithm_keys=('pace_label', 'segment_label'),
    meta_keys=('filename', 'sample_idx', 'frame_inds'),
)
sample = dict(type='auxskd_mm.SegmentPaceSample', clip_len=clip_len, num_segments=4, num_speeds=4, mode='fit')
train_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    sample,
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(96, 72), keep_ratio=False),
    dict(type='RandomCrop', size=56),
    dict(type='Flip', flip_ratio=0.5),
    dict(
        type='auxskd_mm.ClipColorJitter',
        brightness=0.4,
        contrast=0.4,
        saturation=0.4,
        hue=0.1,
        p=0.8,
        clip_consistent=True,
    ),
    dict(type='FormatShape', input_format='NCTHW'),
    pack,
]
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(sample, seed=0),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(96, 72), keep_ratio=False),
    dict(type='CenterCrop', crop_size=56),
    dict(type='FormatShape', input_format='NCTHW'),
    pack,
]
train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='auxskd_mm.UnlabeledVideoDataset', source=f'{data_root}/train', repeat=2, pipeline=train_pipeline
    ),
)
test_dataloader = dict(
    batch_size=16,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='auxskd_mm.UnlabeledVideoDataset',
        source=f'{data_root}/test',
        repeat=4,
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_evaluator = dict(type='auxskd_mm.SegmentPaceMetric')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-3, weight_decay=1e-4))
param_scheduler = dict(type='CosineAnnealingLR', by_epoch=True, T_max=4, eta_min=0, convert_to_iter_based=True)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=4)
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(max_keep_ckpts=2))
env_cfg = dict(dist_cfg=dict(backend='gloo'))
auto_scale_lr = dict(enable=False, base_batch_size=16)
