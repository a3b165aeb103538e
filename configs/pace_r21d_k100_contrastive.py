# VideoPace with the contrastive branch that was never released: "same context" after public notes on the paper, where
# weight and projector are this project's (see PaceHead). For "same pace": contrastive='same_pace', and num_views may be 1.
_base_ = './pace_r21d_k100.py'

model = dict(cls_head=dict(contrastive='same_context', contrastive_weight=0.1))

train_pipeline = [
    dict(type='auxskd_mm.OpenVideo', channel_order='bgr'),
    dict(_base_.sample, num_views=2),
    dict(type='auxskd_mm.DecodeClips'),
    dict(
        type='auxskd_mm.PerView',
        transforms=[
            dict(type='Resize', scale=(171, 128), keep_ratio=False),
            dict(type='auxskd_mm.ClipRandomCrop', size=112),
            dict(type='Flip', flip_ratio=0.5),
            dict(type='auxskd_mm.ClipColorJitter', brightness=0.8, contrast=0.8, saturation=0.8, hue=0.2, p=0.8),
        ],
    ),
    dict(type='FormatShape', input_format='NCTHW'),
    {{_base_.pack}},
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
