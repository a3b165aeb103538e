# Fine-tuning of the temporal module whose test averages the scores over views: clips at three moments of each part, each in all
# variants of the store.
_base_ = ['./finetune_features.py']

test_clips = 3
test_pipeline = [
    {{_base_.open_features}},
    dict(_base_.sample, num_clips=test_clips),
    {{_base_.repeat_frame}},
    dict(_base_.read, all_variants=True),
    {{_base_.pack}},
]
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
