# finetune_r21d_small.py from public ImageNet weights, all layers: the network and inputs of
# vspp_efficientnet_lite0_small.py. Its checkpoint: --cfg-options load_from=...; without, from the public weights alone.
_base_ = ['./finetune_r21d_small.py', '../_base_/models/efficientnet_lite0.py']

# Batches are too small for statistics of their own, so BatchNorm of the trunk keeps ImageNet's.
model = dict(
    backbone=dict(_delete_=True, **{**_base_.backbone, 'frozen_stages': -1, 'norm_eval': True}),
    cls_head=dict(in_channels=128),
    data_preprocessor=dict(_delete_=True, **_base_.data_preprocessor),
)
train_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(type='SampleFrames', clip_len=_base_.clip_len, frame_interval=_base_.frame_interval),
    dict(type='auxskd_mm.StillFrames', enabled=_base_.still),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(149, 128), keep_ratio=False),
    dict(type='auxskd_mm.ClipRandomCrop', size=112),
    dict(type='Flip', flip_ratio=0.5),
    dict(type='FormatShape', input_format='NCTHW'),
    _base_.pack,
]
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(
        type='SampleFrames',
        clip_len=_base_.clip_len,
        frame_interval=_base_.frame_interval,
        num_clips=_base_.num_clips,
        test_mode=True,
    ),
    dict(type='auxskd_mm.StillFrames', enabled=_base_.still),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(149, 128), keep_ratio=False),
    dict(type='CenterCrop', crop_size=112),
    dict(type='FormatShape', input_format='NCTHW'),
    _base_.pack,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
optim_wrapper = dict(optimizer=dict(lr=3e-4))  # a tenth of the rate from scratch: the trunk is trained already
