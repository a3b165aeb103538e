# Frozen features of a temporal module on stored feature maps, extracted once: linear probe, k-NN and retrieval.
# Lists by tools/data/prepare_folder.py; the store holds the videos of both lists by the same names.
# Run: tools/test.py CONFIG CHECKPOINT, or `none` for random weights.
_base_ = ['./_base_features.py']

# Variables: --cfg-options lists=... store=... still=True
lists = 'lists'
store = 'data/features/all'
still = False  # True repeats one frame of each clip: measures what works without motion
model = dict(
    type='Recognizer3D',
    backbone={{_base_.backbone}},
    cls_head=dict(type='auxskd_mm.ClipFeatureHead', pooling='average'),
    data_preprocessor={{_base_.data_preprocessor}},
)
test_pipeline = [
    {{_base_.open_features}},
    dict(type='SampleFrames', clip_len=16, frame_interval=2, num_clips=5, test_mode=True),
    dict(type='auxskd_mm.StillFrames', enabled=still),
    dict(type='auxskd_mm.DecodeFeatures'),
    dict(type='PackActionInputs', meta_keys=('filename',)),
]
train_dataloader = train_cfg = optim_wrapper = param_scheduler = None
test_dataloader = dict(
    batch_size=8,
    dataset=dict(
        type='auxskd_mm.GalleryQueryDataset',
        common=dict(type='auxskd_mm.LabeledVideoDataset', data_prefix=store, pipeline=test_pipeline, test_mode=True),
        gallery=dict(ann_file=f'{lists}/train.txt'),
        query=dict(ann_file=f'{lists}/test.txt'),
    ),
)
test_evaluator = [
    # Groups (scenes, persons) are held out whole when the weight decay is chosen, too.
    dict(type='auxskd_mm.LinearProbeMetric', val_share=0.2, group_file=f'{lists}/groups.csv', save_to=None),
    dict(type='auxskd_mm.KNNMetric', k=10, temperature=0.07),
    dict(type='auxskd_mm.RetrievalMetric', ks=(1, 5, 10)),
]
