# vspp_features_small.py on videos: the frozen trunk under the temporal module, end to end. For predictions on videos with
# what was trained on a store (tools/model_converters/join_trunk.py), or to train all of it (frozen_stages=-1).
_base_ = ['./vspp_features_small.py']

model = dict(
    backbone=dict(_delete_=True, **_base_.trunk, frozen_stages='all', temporal={{_base_.backbone}}),
    data_preprocessor=dict(_delete_=True, **_base_.frame_preprocessor),
)
train_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    {{_base_.sample}},
    dict(type='auxskd_mm.DecodeClips'),
    *_base_.frame_steps,
    dict(type='FormatShape', input_format='NCTHW'),
    {{_base_.pack}},
]
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(_base_.sample, seed=0),
    dict(type='auxskd_mm.DecodeClips'),
    *_base_.frame_steps,
    dict(type='FormatShape', input_format='NCTHW'),
    {{_base_.pack}},
]
train_dataloader = dict(dataset=dict(source='data/my_videos', pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(source='data/my_videos', pipeline=test_pipeline))
