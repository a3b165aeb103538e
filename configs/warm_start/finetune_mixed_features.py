# Fine-tuning on blends of two clips and of their labels (mixup, arXiv 1710.09412), with smoothed labels, for few clips that a
# network learns by heart. The test averages the scores over all variants of the store. docs/warm_start.md says what it gave.
_base_ = ['./finetune_features.py']

model = dict(
    data_preprocessor=dict(blending=dict(type='MixupBlending', num_classes=_base_.num_classes, alpha=0.4)),
    cls_head=dict(label_smooth_eps=0.1),
)
test_pipeline = [
    {{_base_.open_features}},
    {{_base_.sample}},
    {{_base_.repeat_frame}},
    dict(_base_.read, all_variants=True),
    {{_base_.pack}},
]
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
