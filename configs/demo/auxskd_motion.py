# auxSKD at a size that two CPU cores train in minutes, on MotionClips (tools/data/make_motion_clips.py). Differs from
# auxskd_r21d_k100.py in: an eighth of the width, 56 x 56 crops, 'fit' sampling, RGB in [-2, 2], light
# jitter, a queue of 512 anchors (the pool has a few hundred clips), momentum 0.99 (a few hundred steps), Adam.
_base_ = ['../_base_/default_runtime.py']

data_root = 'data/motion_clips'
model = dict(
    type='auxskd_mm.AuxSKD',
    backbone=dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=8),
    neck=dict(type='auxskd_mm.MLP', in_channels=64, out_channels=64),
    predictor=dict(type='auxskd_mm.MLP', in_channels=64, hidden_channels=128, out_channels=64),
    queue_size=512,
    data_preprocessor=dict(type='auxskd_mm.ClipDataPreprocessor', mean=[127.5, 127.5, 127.5], std=[64.0, 64.0, 64.0]),
)
custom_hooks = [
    dict(type='auxskd_mm.CheckedTransferHook'),
    dict(type='auxskd_mm.BadVideoHook'),
    dict(type='auxskd_mm.SKDDistillerHook', momentum=0.99),
]
train_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(type='auxskd_mm.SegmentPaceSample', clip_len=16, num_segments=4, num_speeds=4, num_views=2, mode='fit'),
    dict(type='auxskd_mm.DecodeClips'),
    dict(
        type='auxskd_mm.PerView',
        transforms=[
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
        ],
    ),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(
        type='PackActionInputs',
        algorithm_keys=('pace_label', 'segment_label'),
        meta_keys=('filename', 'sample_idx', 'frame_inds'),
    ),
]
train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='auxskd_mm.UnlabeledVideoDataset', source=f'{data_root}/train', pipeline=train_pipeline),
)

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-3, weight_decay=1e-4))
param_scheduler = dict(type='CosineAnnealingLR', by_epoch=True, T_max=5, eta_min=0, convert_to_iter_based=True)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=5)
default_hooks = dict(logger=dict(interval=5), checkpoint=dict(max_keep_ckpts=2))
env_cfg = dict(dist_cfg=dict(backend='gloo'))
auto_scale_lr = dict(enable=False, base_batch_size=16)
