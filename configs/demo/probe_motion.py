# What frozen features of a pretraining (or of random weights: checkpoint `none`) know of MotionClips: linear probe, k-NN
# and retrieval, all on features that are extracted once. Run: tools/test.py CONFIG CHECKPOINT
_base_ = ['./_base_motion.py']

train_dataloader = train_cfg = optim_wrapper = param_scheduler = epochs = None
model = dict(
    type='Recognizer3D',
    backbone={{_base_.backbone}},
    cls_head=dict(type='auxskd_mm.ClipFeatureHead', pooling='average'),
    data_preprocessor={{_base_.data_preprocessor}},
)
clip_len, num_clips = 16, 2
save_to = None  # a folder keeps the features
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(type='SampleFrames', clip_len=clip_len, frame_interval=2, num_clips=num_clips, test_mode=True),
    dict(type='auxskd_mm.StillFrames', enabled=_base_.still),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(64, 48), keep_ratio=False),
    dict(type='CenterCrop', crop_size=_base_.crop),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', meta_keys=('filename',)),
]
test_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='auxskd_mm.GalleryQueryDataset',
        common=dict(
            type='auxskd_mm.LabeledVideoDataset', data_root='data/motion_clips', pipeline=test_pipeline, test_mode=True
        ),
        gallery=dict(ann_file='train.txt'),
        query=dict(ann_file='test.txt'),
    )
)
test_evaluator = [
    dict(type='auxskd_mm.LinearProbeMetric', val_share=0.2, save_to=save_to),
    dict(type='auxskd_mm.KNNMetric', k=10, temperature=0.07),
    dict(type='auxskd_mm.RetrievalMetric', ks=(1, 5)),
]
