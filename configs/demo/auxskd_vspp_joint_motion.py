# auxSKD and VSPP in one phase on MotionClips: auxskd_motion.py with VSPP's head on the student's view, both losses summed,
# for as many epochs as vspp_motion.py. The paper's code has two phases.
_base_ = ['./auxskd_motion.py']

model = dict(
    type='auxskd_mm.JointAuxSKD',
    cls_head=dict(
        type='auxskd_mm.VSPPHead',
        in_channels=64,
        num_speeds=len(_base_.sample.speeds),
        num_segments=_base_.sample.num_segments,
    ),
)
# The test asks the head: one clip per sample, with the same draws every time.
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(_base_.sample, num_views=1, seed=0),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='auxskd_mm.PerView', transforms={{_base_.centre}}),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(
        type='PackActionInputs',
        algorithm_keys=('pace_label', 'segment_label'),
        meta_keys=('filename', 'sample_idx', 'frame_inds'),
    ),
]
test_dataloader = dict(
    _delete_=True,
    batch_size=16,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='auxskd_mm.UnlabeledVideoDataset',
        source=f'{_base_.data_root}/test',
        repeat=4,
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_evaluator = dict(type='auxskd_mm.SegmentPaceMetric')
test_cfg = dict(_delete_=True, type='TestLoop')
epochs = 4
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=True, T_max=epochs, eta_min=0, convert_to_iter_based=True),
]
train_cfg = dict(max_epochs=epochs)
