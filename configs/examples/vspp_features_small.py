# VSPP of a temporal module on stored feature maps (_base_features.py says how to make the store), in minutes on two CPU
# cores. Set train_dataloader.dataset.source and test_dataloader.dataset.source to stores.
_base_ = ['./_base_features.py']

sample = dict(type='auxskd_mm.SegmentPaceSample', clip_len=16, num_segments=4, num_speeds=4, mode='fit')
model = dict(
    type='Recognizer3D',
    backbone={{_base_.backbone}},
    cls_head=dict(type='auxskd_mm.VSPPHead', in_channels=_base_.width, num_speeds=4, num_segments=4),
    data_preprocessor={{_base_.data_preprocessor}},
)
pack = dict(
    type='PackActionInputs',
    algorithm_keys=('pace_label', 'segment_label'),
    meta_keys=('filename', 'sample_idx', 'frame_inds'),
)
train_pipeline = [{{_base_.open_features}}, sample, dict(type='auxskd_mm.DecodeFeatures'), pack]
test_pipeline = [{{_base_.open_features}}, dict(sample, seed=0), dict(type='auxskd_mm.DecodeFeatures'), pack]
train_dataloader = dict(
    dataset=dict(
        type='auxskd_mm.UnlabeledVideoDataset', source='data/features/train', repeat=2, pipeline=train_pipeline
    )
)
# Shows every test video four times, with other draws.
test_dataloader = dict(
    dataset=dict(
        type='auxskd_mm.UnlabeledVideoDataset',
        source='data/features/test',
        repeat=4,
        pipeline=test_pipeline,
        test_mode=True,
    )
)
test_evaluator = dict(type='auxskd_mm.SegmentPaceMetric')
