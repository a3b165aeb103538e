# VCOP's fine-tuning (xudejing/video-clip-order-prediction @ 7a1710d): 150 epochs, batch 8, SGD with a constant 1e-3,
# all layers.
# Not VCOP's: the epoch is chosen by validation accuracy (there: loss), the classifier starts from N(0, 0.01).
# Weights of a pretraining: --cfg-options load_from=work_dirs/.../epoch_20.pth; without it, from scratch.
_base_ = ['../_base_/default_runtime.py', '../_base_/datasets/ucf101_vcop.py']

model = dict(
    type='Recognizer3D',
    backbone=dict(type='auxskd_mm.R2Plus1DVCOP'),
    cls_head=dict(
        type='I3DHead', num_classes=101, in_channels=512, dropout_ratio=0.0, average_clips=None
    ),  # the metric averages the clips and names the averaged values
    # Inputs as the pretraining saw them. auxSKD, VSPP, VideoPace: BGR in 0-255; `to_rgb` converts decoded RGB to it.
    # VCOP: to_rgb=False, mean=[0,0,0], std=[255,255,255]. RSPNet and *_improved: to_rgb=False, ImageNet mean and std.
    data_preprocessor=dict(type='auxskd_mm.ClipDataPreprocessor', to_rgb=True),
)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=1e-3, momentum=0.9, weight_decay=5e-4))
epochs = 150
param_scheduler = []  # VCOP builds a ReduceLROnPlateau and never steps it
train_cfg = dict(type='auxskd_mm.ResumableEpochTrainLoop', max_epochs=epochs, val_interval=1)
default_hooks = dict(checkpoint=dict(interval=10, max_keep_ckpts=1, save_best='acc/top1'))
auto_scale_lr = dict(enable=False, base_batch_size=8)
