# A classifier that was trained on stored feature maps, on videos: the frozen trunk under the temporal module. For predictions with
# the model that tools/own_videos.py leaves in OUT/model, where a copy with all values stands.
_base_ = ['../warm_start/finetune_features.py']

classes = ()  # names of the classes, for the answers
model = dict(
    backbone=dict(_delete_=True, **_base_.trunk, frozen_stages='all', temporal={{_base_.backbone}}),
    data_preprocessor=dict(_delete_=True, **_base_.frame_preprocessor),
)
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(type='UniformSample', clip_len=_base_.clip_len, test_mode=True),
    dict(type='auxskd_mm.DecodeClips'),
    *_base_.frame_steps,
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', meta_keys=('filename',)),
]
train_dataloader = train_cfg = optim_wrapper = param_scheduler = None
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
