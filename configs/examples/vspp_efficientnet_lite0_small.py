# vspp_r21d_small.py from public ImageNet weights: a frozen EfficientNet-lite0 on 112 x 112 RGB frames, and a 3-D stack on its
# maps, which alone learns. Set train_dataloader.dataset.source and test_dataloader.dataset.source.
_base_ = ['./vspp_r21d_small.py', '../_base_/models/efficientnet_lite0.py']

model = dict(
    backbone=dict(_delete_=True, **_base_.backbone),
    cls_head=dict(in_channels=128),
    data_preprocessor=dict(_delete_=True, **_base_.data_preprocessor),
)
train_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    _base_.sample,
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(149, 128), keep_ratio=False),
    dict(type='auxskd_mm.ClipRandomCrop', size=112),
    dict(type='Flip', flip_ratio=0.5),
    dict(type='auxskd_mm.ClipColorJitter', brightness=0.3, contrast=0.3, saturation=0.3, hue=0.1, clip_consistent=True),
    dict(type='FormatShape', input_format='NCTHW'),
    _base_.pack,
]
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(_base_.sample, seed=0),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(149, 128), keep_ratio=False),
    dict(type='CenterCrop', crop_size=112),
    dict(type='FormatShape', input_format='NCTHW'),
    _base_.pack,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
optim_wrapper = dict(optimizer=dict(lr=1e-3))
