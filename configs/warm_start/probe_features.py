# Frozen features of the temporal module, extracted once: linear probe, k-NN and retrieval.
_base_ = ['./_base_maps.py']

model = dict(
    type='Recognizer3D',
    backbone={{_base_.backbone}},
    cls_head=dict(type='auxskd_mm.ClipFeatureHead', pooling='time'),
    data_preprocessor={{_base_.data_preprocessor}},
)
test_pipeline = [
    {{_base_.open_features}},
    dict(type='UniformSample', clip_len=_base_.clip_len, test_mode=True),
    dict(type='auxskd_mm.StillFrames', enabled=_base_.still),
    {{_base_.read}},
    dict(type='PackActionInputs', meta_keys=('filename',)),
]
train_dataloader = train_cfg = optim_wrapper = param_scheduler = None
test_dataloader = dict(
    dataset=dict(
        type='auxskd_mm.GalleryQueryDataset',
        common=dict(type='auxskd_mm.LabeledVideoDataset', pipeline=test_pipeline, test_mode=True),
        gallery=dict(ann_file=f'{_base_.lists}/train.txt'),
        query=dict(ann_file=f'{_base_.lists}/test.txt'),
    ),
)
test_evaluator = [
    dict(type='auxskd_mm.LinearProbeMetric', val_share=0.2, group_file=f'{_base_.lists}/groups.csv', save_to=None),
    dict(type='auxskd_mm.KNNMetric', k=10),
    dict(type='auxskd_mm.RetrievalMetric', ks=(1, 5)),
]
