# Fine-tuning of the temporal module, a number of steps, last weights (nothing is chosen on the test list).
_base_ = ['./_base_maps.py']

model = dict(
    type='Recognizer3D',
    backbone={{_base_.backbone}},
    cls_head=dict(
        type='auxskd_mm.ClipClassHead',
        num_classes=_base_.num_classes,
        in_channels=_base_.width,
        pooling='time',
        dropout_ratio=0.4,
        average_clips=None,
    ),
    data_preprocessor={{_base_.data_preprocessor}},
)
pack = dict(type='PackActionInputs', meta_keys=('filename',))
repeat_frame = dict(type='auxskd_mm.StillFrames', enabled=_base_.still)
# The frames in the middle of equal parts, in training too: a random frame of each part makes the steps between frames uneven,
# which halves the accuracy on clips of 25 frames (docs/warm_start.md).
sample = dict(type='UniformSample', clip_len=_base_.clip_len, test_mode=True)
train_pipeline = [{{_base_.open_features}}, sample, repeat_frame, {{_base_.read}}, pack]
test_pipeline = [{{_base_.open_features}}, sample, repeat_frame, {{_base_.read}}, pack]
train_dataloader = dict(
    dataset=dict(type='auxskd_mm.LabeledVideoDataset', ann_file=f'{_base_.lists}/train.txt', pipeline=train_pipeline)
)
test_dataloader = dict(
    dataset=dict(
        type='auxskd_mm.LabeledVideoDataset',
        ann_file=f'{_base_.lists}/test.txt',
        pipeline=test_pipeline,
        test_mode=True,
    )
)
test_evaluator = dict(type='auxskd_mm.MultiClipAccuracy')
