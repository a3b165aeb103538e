# RSPNet with S3D-G on 16 x 224 x 224, batch 64; the network is VideoPace's S3D-G, not RSPNet's own file (which has BN of
# momentum 0.001 and another pooling), everything else as in rspnet_r21d_k100.py.
_base_ = './rspnet_r21d_k100.py'

head = dict(in_channels=1024)
model = dict(backbone=dict(type='auxskd_mm.S3DG'), head_a=head, head_m=head)

train_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    _base_.sample,
    dict(type='auxskd_mm.DecodeClips'),
    dict(
        type='auxskd_mm.PerView',
        transforms=[
            dict(type='RandomResizedCrop', area_range=(0.4, 1.0), aspect_ratio_range=(3 / 4, 4 / 3)),
            dict(type='Resize', scale=(224, 224), keep_ratio=False),
            dict(type='Flip', flip_ratio=0.5),
        ],
    ),
    dict(type='FormatShape', input_format='NCTHW'),
    {{_base_.pack}},
]
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(_base_.sample, seed=0),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(-1, 224)),
    dict(type='CenterCrop', crop_size=224),
    dict(type='FormatShape', input_format='NCTHW'),
    {{_base_.pack}},
]
train_dataloader = dict(batch_size=64, dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(batch_size=64, dataset=dict(pipeline=test_pipeline))
