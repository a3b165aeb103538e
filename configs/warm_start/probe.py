# Frozen features, extracted once: linear probe, k-NN and retrieval. Run: tools/test.py CONFIG CHECKPOINT, or `none`.
_base_ = ['./_base_clips.py']

model = dict(
    type='Recognizer3D',
    backbone={{_base_.backbone}},
    cls_head=dict(type='auxskd_mm.ClipFeatureHead', pooling='time'),
    data_preprocessor={{_base_.data_preprocessor}},
)
test_dataloader = dict(
    batch_size=16,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='auxskd_mm.GalleryQueryDataset',
        common=dict(type='auxskd_mm.LabeledVideoDataset', pipeline={{_base_.test_pipeline}}, test_mode=True),
        gallery=dict(ann_file=f'{_base_.lists}/train.txt'),
        query=dict(ann_file=f'{_base_.lists}/test.txt'),
    ),
)
test_evaluator = [
    dict(type='auxskd_mm.LinearProbeMetric', val_share=0.2, group_file=f'{_base_.lists}/groups.csv', save_to=None),
    dict(type='auxskd_mm.KNNMetric', k=10),
    dict(type='auxskd_mm.RetrievalMetric', ks=(1, 5)),
]
test_cfg = dict(type='TestLoop')
