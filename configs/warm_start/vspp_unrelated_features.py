# The control of vspp_features.py: the same clips and steps, but the labels of another draw, so there is nothing to learn.
_base_ = ['./vspp_features.py']

unrelated = dict(type='auxskd_mm.UnrelatedLabels', sampler={{_base_.sample}})
train_pipeline = [{{_base_.open_features}}, {{_base_.sample}}, unrelated, {{_base_.read}}, {{_base_.pack}}]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
