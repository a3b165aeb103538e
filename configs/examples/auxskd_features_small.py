# auxSKD of a temporal module on stored feature maps (_base_features.py says how to make the store), in minutes on two CPU
# cores; the settings of auxskd_r21d_small.py. Set train_dataloader.dataset.source to a store.
_base_ = ['./_base_features.py']

model = dict(
    type='auxskd_mm.AuxSKD',
    backbone={{_base_.backbone}},
    neck=dict(type='auxskd_mm.MLP', in_channels=_base_.width, out_channels=64),
    predictor=dict(type='auxskd_mm.MLP', in_channels=64, hidden_channels=128, out_channels=64),
    queue_size=256,
    queue_init='unit',
    loss=dict(type='auxskd_mm.SimilarityDistillationLoss', student_temperature=0.1, teacher_temperature=0.02),
    data_preprocessor={{_base_.data_preprocessor}},
)
sample = dict(
    type='auxskd_mm.SegmentPaceSample',
    clip_len=16,
    num_segments=4,
    num_speeds=4,
    num_views=2,
    mode='fit',
    lookahead=1,
)
finish = [
    dict(type='auxskd_mm.DecodeFeatures'),  # a variant per view
    dict(type='PackActionInputs', meta_keys=('filename', 'sample_idx', 'frame_inds')),
]
train_pipeline = [{{_base_.open_features}}, sample, *finish]
test_pipeline = [{{_base_.open_features}}, dict(sample, seed=0), *finish]
train_dataloader = dict(
    dataset=dict(type='auxskd_mm.UnlabeledVideoDataset', source='data/features/train', pipeline=train_pipeline)
)
test_dataloader = dict(
    dataset=dict(
        type='auxskd_mm.UnlabeledVideoDataset', source='data/features/test', pipeline=test_pipeline, test_mode=True
    )
)
test_evaluator = dict(type='auxskd_mm.TeacherAgreementMetric')
custom_hooks = [
    dict(type='auxskd_mm.CheckedTransferHook'),
    dict(type='auxskd_mm.BadVideoHook'),
    dict(type='auxskd_mm.SKDDistillerHook', momentum=0.99, interval=5),
]
