# The trunk of a store of feature maps for the warm-start tables; benchmarks/warm_start/run.py packs with it.
_base_ = ['../_base_/default_runtime.py', './_base_trunk.py']

model = dict(
    type='Recognizer3D',
    backbone=dict(**_base_.trunk, frozen_stages='all'),
    cls_head=dict(type='auxskd_mm.ClipFeatureHead', pooling='average'),
    data_preprocessor={{_base_.frame_preprocessor}},
)
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(type='SampleFrames', clip_len=8, frame_interval=1, num_clips=1, test_mode=True),
    dict(type='auxskd_mm.DecodeClips'),
    *_base_.frame_steps,
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', meta_keys=('filename',)),
]
test_dataloader = dict(
    batch_size=4,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='auxskd_mm.LabeledVideoDataset', ann_file='lists/test.txt', pipeline=test_pipeline, test_mode=True
    ),
)
test_cfg = dict(type='TestLoop')
test_evaluator = dict(type='auxskd_mm.KNNMetric', k=10, temperature=0.07)
