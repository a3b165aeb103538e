# VSPP on gray recordings of 16 bits (thermal, ultrasound, microscopy): vspp_r21d_small.py with one channel
# (docs/other_pixels.md). Set value_range to what tools/data/check_videos.py prints.
_base_ = 'vspp_r21d_small.py'

channels = 1
value_range = (0, 65535)  # values that are black and white
source_fps = None  # frames per second of stacks and folders, which state none; needed with fps
model = dict(backbone=dict(in_channels=channels), data_preprocessor=dict(value_range=value_range))
open_video = dict(type='auxskd_mm.OpenVideo', channels=channels, source_fps=source_fps)
train_pipeline = [
    open_video,
    {{_base_.sample}},
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(64, 48), keep_ratio=False),
    dict(type='auxskd_mm.ClipRandomCrop', size=40),
    dict(type='Flip', flip_ratio=0.5),
    dict(
        type='auxskd_mm.ClipColorJitter',
        brightness=0.3,
        contrast=0.3,
        saturation=0,  # saturation and hue are of colours
        hue=0,
        clip_consistent=True,
        value_range=value_range,
    ),
    dict(type='FormatShape', input_format='NCTHW'),
    {{_base_.pack}},
]
test_pipeline = [
    open_video,
    dict(_base_.sample, seed=0),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(64, 48), keep_ratio=False),
    dict(type='CenterCrop', crop_size=40),
    dict(type='FormatShape', input_format='NCTHW'),
    {{_base_.pack}},
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
