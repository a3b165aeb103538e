# PECoP with eight changes to the faithful config, each for a reason that is given at its line; what they are worth has not
# been measured at this size.
_base_ = './pecop_i3d_k400.py'

# 1. The segment's neighbours keep their step, and no clip wraps to the first frame, so no jump gives the labels away.
sample = dict(_base_.sample, mode='fit', unchanged_speed=False)
model = dict(
    backbone=dict(
        backbone=dict(bn_eps=1e-3),  # 2. The epsilon that the Kinetics weights were trained with.
        adapters=dict(zero_init=True),  # 3. The network starts exactly as the Kinetics weights made it.
        norm='frozen',  # 4. The statistics of Kinetics stay: 16 clips say less, and the adapters fit one fixed network.
    ),
    # 5. The input of the Kinetics I3D: RGB in [-1, 1].
    data_preprocessor=dict(mean=[127.5, 127.5, 127.5], std=[127.5, 127.5, 127.5]),
)
# 6. Its geometry: the shorter side is 256, bilinear, and the frames keep their shape.
train_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    sample,
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(-1, 256)),
    dict(type='auxskd_mm.ClipRandomCrop', size=224),
    dict(type='Flip', flip_ratio=0.5),
    dict(type='FormatShape', input_format='NCTHW'),
    {{_base_.pack}},
]
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(sample, seed=0),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(-1, 256)),
    dict(type='CenterCrop', crop_size=224),
    dict(type='FormatShape', input_format='NCTHW'),
    {{_base_.pack}},
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))

# 7. bfloat16: no loss scale to tune, the step is bound by arithmetic.
optim_wrapper = dict(type='AmpOptimWrapper', dtype='bfloat16', loss_scale=1.0)
# 8. One cosine to zero over the whole run, after a short warm-up.
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
