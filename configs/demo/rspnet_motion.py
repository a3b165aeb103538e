# RSPNet on MotionClips in minutes. Differs from rspnet_r21d_k100.py in: C3D at an eighth of the width, clips of 8 frames at
# speeds 1 and 4, 40 x 40 crops of fixed scale, neither jitter nor grey, a queue of 512 keys, momentum 0.99 (a few hundred
# steps), a tenth of the weight on the appearance loss (at 1 the speed was still at chance after 1,400 steps), AdamW.
_base_ = ['./_base_motion.py']

sample = dict(type='auxskd_mm.RelativeSpeedSample', clip_len=8, max_speed=4)
head = dict(type='auxskd_mm.RelativeSpeedHead', in_channels=64, out_channels=64)
model = dict(
    type='auxskd_mm.RSPNet',
    backbone={{_base_.backbone}},
    head_a=head,
    head_m=head,
    queue_size=512,
    speed=sample['max_speed'],
    appearance_weight=0.1,
    data_preprocessor={{_base_.data_preprocessor}},
)
custom_hooks = [
    dict(type='auxskd_mm.CheckedTransferHook'),
    dict(type='auxskd_mm.BadVideoHook'),
    dict(type='auxskd_mm.SKDDistillerHook', momentum=0.99),
]
finish = [
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', algorithm_keys=(), meta_keys=('filename', 'sample_idx', 'frame_inds')),
]
train_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    sample,
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='auxskd_mm.PerView', transforms={{_base_.augment}}),
    *finish,
]
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(sample, seed=0),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='auxskd_mm.PerView', transforms={{_base_.centre}}),
    *finish,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
class_names = dict(speed=['1x', f'{sample["max_speed"]}x'])
test_evaluator = dict(type='auxskd_mm.PretextAccuracyMetric', tasks=['speed'], class_names=class_names)
