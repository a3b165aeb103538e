# auxSKD for a few hundred clips on two CPU cores: auxskd_r21d_k100.py with an eighth of the width, 40 x 40 crops, 'fit'
# sampling, one light jitter per clip, 256 anchors of norm 1 from the start (half of the pool, so that a clip rarely meets its
# own earlier key), momentum 0.99 (a few hundred steps), and AdamW with one cosine. Set train_dataloader.dataset.source.
_base_ = '../auxskd_r21d_k100.py'

model = dict(
    backbone=dict(base_channels=8),
    neck=dict(in_channels=64, out_channels=64),
    predictor=dict(in_channels=64, hidden_channels=128, out_channels=64),
    queue_size=256,
    queue_init='unit',
)
fps = None  # frames per second at which clips are drawn, by time; None counts frames (docs/frame_rates.md)
sample = dict(_base_.sample, mode='fit', lookahead=1, fps=fps)
train_pipeline = [
    dict(type='auxskd_mm.OpenVideo', channel_order='bgr'),
    sample,
    dict(type='auxskd_mm.DecodeClips'),
    dict(
        type='auxskd_mm.PerView',
        transforms=[
            dict(type='Resize', scale=(64, 48), keep_ratio=False),
            dict(type='auxskd_mm.ClipRandomCrop', size=40),
            dict(type='Flip', flip_ratio=0.5),
            dict(
                type='auxskd_mm.ClipColorJitter',
                brightness=0.3,
                contrast=0.3,
                saturation=0.3,
                hue=0.1,
                clip_consistent=True,
            ),
        ],
    ),
    dict(type='FormatShape', input_format='NCTHW'),
    {{_base_.pack}},
]
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo', channel_order='bgr'),
    dict(sample, seed=0),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(64, 48), keep_ratio=False),
    dict(type='CenterCrop', crop_size=40),
    dict(type='FormatShape', input_format='NCTHW'),
    {{_base_.pack}},
]
train_dataloader = dict(batch_size=16, num_workers=1, dataset=dict(data_prefix='', pipeline=train_pipeline))
test_dataloader = dict(batch_size=16, num_workers=1, dataset=dict(pipeline=test_pipeline))
custom_hooks = [
    dict(type='auxskd_mm.CheckedTransferHook'),
    dict(type='auxskd_mm.BadVideoHook'),
    dict(type='auxskd_mm.SKDDistillerHook', momentum=0.99, interval=5),
]
optim_wrapper = dict(optimizer=dict(_delete_=True, type='AdamW', lr=2e-3, weight_decay=0.02))
epochs = 14
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
train_cfg = dict(max_epochs=epochs)
default_hooks = dict(logger=dict(interval=5))
env_cfg = dict(dist_cfg=dict(backend='gloo'))
