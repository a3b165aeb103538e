# Fine-tuning of a temporal module on stored feature maps, from vspp_features_small.py or auxskd_features_small.py
# (--cfg-options load_from=...) or from scratch; last epoch, nothing is chosen on the test list.
# Lists by tools/data/prepare_folder.py; the store holds the videos of both lists by the same names.
_base_ = ['./_base_features.py']

# Variables: --cfg-options lists=... store=... num_classes=... still=True
lists = 'lists'
store = 'data/features/all'
num_classes = None  # the names in {lists}/classes.txt
still = False  # True repeats one frame of each clip: measures what works without motion
model = dict(
    type='Recognizer3D',
    backbone={{_base_.backbone}},
    cls_head=dict(
        type='I3DHead', num_classes=num_classes, in_channels=_base_.width, dropout_ratio=0.0, average_clips=None
    ),
    data_preprocessor={{_base_.data_preprocessor}},
)
clip_len, frame_interval, num_clips = 16, 2, 5
pack = dict(type='PackActionInputs', meta_keys=('filename',))
train_pipeline = [
    {{_base_.open_features}},
    dict(type='SampleFrames', clip_len=clip_len, frame_interval=frame_interval),
    dict(type='auxskd_mm.StillFrames', enabled=still),
    dict(type='auxskd_mm.DecodeFeatures'),
    pack,
]
test_pipeline = [
    {{_base_.open_features}},
    dict(type='SampleFrames', clip_len=clip_len, frame_interval=frame_interval, num_clips=num_clips, test_mode=True),
    dict(type='auxskd_mm.StillFrames', enabled=still),
    dict(type='auxskd_mm.DecodeFeatures'),
    pack,
]
train_dataloader = dict(
    dataset=dict(
        type='auxskd_mm.LabeledVideoDataset',
        ann_file=f'{lists}/train.txt',
        data_prefix=store,
        pipeline=train_pipeline,
    )
)
test_dataloader = dict(
    batch_size=8,
    dataset=dict(
        type='auxskd_mm.LabeledVideoDataset',
        ann_file=f'{lists}/test.txt',
        data_prefix=store,
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_evaluator = dict(type='auxskd_mm.MultiClipAccuracy')
