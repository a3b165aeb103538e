# auxSKD with six changes to the faithful config, each for a reason that is given at its line; what they are worth
# has not been measured at this size.
_base_ = './auxskd_r21d_k100.py'

# 4. No clip wraps to the first frame, so the jump cannot tell the views apart.
sample = dict(_base_.sample, mode='fit', lookahead=1)
model = dict(
    queue_init='unit',  # 1. Anchors of norm 1 from the start, so that the first 512 steps have targets too.
    data_preprocessor=dict(
        # 2. RGB with ImageNet statistics, so that the weights carry over to stock MMAction2 configs.
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        # 3. Jitter on the model's device: the same draws per frame, no CPU time in the loader.
        photometric=dict(
            type='auxskd_mm.BatchColorJitter', brightness=0.8, contrast=0.8, saturation=0.8, hue=0.2, p=0.8
        ),
    ),
)
train_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    sample,
    dict(type='auxskd_mm.DecodeClips'),
    dict(
        type='auxskd_mm.PerView',
        transforms=[
            dict(type='Resize', scale=(171, 128), keep_ratio=False),
            dict(type='auxskd_mm.ClipRandomCrop', size=112),
            dict(type='Flip', flip_ratio=0.5),
        ],
    ),
    dict(type='FormatShape', input_format='NCTHW'),
    {{_base_.pack}},
]
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(sample, seed=0),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(171, 128), keep_ratio=False),
    dict(type='CenterCrop', crop_size=112),
    dict(type='FormatShape', input_format='NCTHW'),
    {{_base_.pack}},
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))

# 5. bfloat16: no loss scale to tune, the step is bound by arithmetic; the loss itself stays in float32.
optim_wrapper = dict(type='AmpOptimWrapper', dtype='bfloat16', loss_scale=1.0)
# 6. One cosine to zero after a short warm-up, instead of steps whose place depends on the length of the list.
epochs = _base_.epochs
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
