# VCOP's retrieval (xudejing/video-clip-order-prediction @ 7a1710d): conv5 map max-pooled to 9,216-d, mean over 10
# clips, cosine, any hit among the k nearest. model.cls_head.pooling is the protocol: 'vcop', 'average', 'rspnet'
# (RSPNet's code) or 'rspnet_max' (its supplement); the result records it.
# Run: tools/test.py CONFIG CHECKPOINT_OF_A_PRETRAINING
_base_ = ['../_base_/default_runtime.py', '../_base_/datasets/ucf101_retrieval.py']

model = dict(
    type='Recognizer3D',
    backbone=dict(type='auxskd_mm.R2Plus1DVCOP'),
    cls_head=dict(type='auxskd_mm.ClipFeatureHead', pooling='vcop'),
    # Inputs as the pretraining saw them. auxSKD, VSPP, VideoPace: BGR in 0-255; `to_rgb` converts decoded RGB to it.
    # VCOP: to_rgb=False, mean=[0,0,0], std=[255,255,255]. RSPNet and *_improved: to_rgb=False, ImageNet mean and std.
    data_preprocessor=dict(type='auxskd_mm.ClipDataPreprocessor', to_rgb=True),
)
