# probe_r21d_small.py for vspp_efficientnet_lite0_small.py. The public weights alone, without a checkpoint:
# tools/test.py CONFIG none --cfg-options model.backbone.temporal=none model.backbone.out_indices=None
_base_ = ['./probe_r21d_small.py', '../_base_/models/efficientnet_lite0.py']

model = dict(
    backbone=dict(_delete_=True, **_base_.backbone), data_preprocessor=dict(_delete_=True, **_base_.data_preprocessor)
)
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(type='SampleFrames', clip_len=16, frame_interval=2, num_clips=_base_.num_clips, test_mode=True),
    dict(type='auxskd_mm.StillFrames', enabled=_base_.still),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(149, 128), keep_ratio=False),
    dict(type='CenterCrop', crop_size=112),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', meta_keys=('filename',)),
]
test_dataloader = dict(dataset=dict(common=dict(pipeline=test_pipeline)))
