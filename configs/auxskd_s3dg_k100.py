# auxSKD with S3D-G: not wired in the original, so network, clip length and sizes are VideoPace's (64 x 224 x 224,
# batch 32), the rest as in auxskd_r21d_k100.py.
_base_ = './auxskd_r21d_k100.py'

clip_len = 64
sample = dict(_base_.sample, clip_len=clip_len)
model = dict(backbone=dict(type='auxskd_mm.S3DG'), neck=dict(in_channels=1024))

train_pipeline = [
    dict(type='auxskd_mm.OpenVideo', channel_order='bgr'),
    sample,
    dict(type='auxskd_mm.DecodeClips'),
    dict(
        type='auxskd_mm.PerView',
        transforms=[
            dict(type='Resize', scale=(256, 256), keep_ratio=False),
            dict(type='auxskd_mm.ClipRandomCrop', size=224),
            dict(type='Flip', flip_ratio=0.5),
            dict(type='auxskd_mm.ClipColorJitter', brightness=0.8, contrast=0.8, saturation=0.8, hue=0.2, p=0.8),
        ],
    ),
    dict(type='FormatShape', input_format='NCTHW'),
    {{_base_.pack}},
]
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo', channel_order='bgr'),
    dict(sample, seed=0),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(256, 256), keep_ratio=False),
    dict(type='CenterCrop', crop_size=224),
    dict(type='FormatShape', input_format='NCTHW'),
    {{_base_.pack}},
]
train_dataloader = dict(batch_size=32, dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(batch_size=32, dataset=dict(pipeline=test_pipeline))
auto_scale_lr = dict(base_batch_size=32)
