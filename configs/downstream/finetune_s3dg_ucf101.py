# RSPNet's fine-tuning of S3D-G (PeihaoChen/RSPNet @ 2958779): 50 epochs, batch 4 per GPU, SGD 5e-3, cosine, all layers.
# Not RSPNet's: the epoch is chosen on a held-out part of the training list (there: on the test split). The network is
# VideoPace's S3D-G, not RSPNet's own file.
# Weights of a pretraining: --cfg-options load_from=work_dirs/.../epoch_20.pth; without it, from scratch.
_base_ = ['../_base_/default_runtime.py', '../_base_/datasets/ucf101_rspnet_s3dg.py']

model = dict(
    type='Recognizer3D',
    backbone=dict(type='auxskd_mm.S3DG'),
    cls_head=dict(
        type='I3DHead', num_classes=101, in_channels=1024, dropout_ratio=0.5, average_clips=None
    ),  # the metric averages the clips and names the averaged values
    # Inputs as the pretraining saw them. auxSKD, VSPP, VideoPace: BGR in 0-255; `to_rgb` converts decoded RGB to it.
    # VCOP: to_rgb=False, mean=[0,0,0], std=[255,255,255]. RSPNet and *_improved: to_rgb=False, ImageNet mean and std.
    data_preprocessor=dict(type='auxskd_mm.ClipDataPreprocessor', to_rgb=True),
)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=5e-3, momentum=0.9, weight_decay=1e-4))
epochs = 50
param_scheduler = dict(type='CosineAnnealingLR', by_epoch=True, T_max=epochs, eta_min=0)
train_cfg = dict(type='auxskd_mm.ResumableEpochTrainLoop', max_epochs=epochs, val_interval=1)
default_hooks = dict(checkpoint=dict(interval=10, max_keep_ckpts=1, save_best='acc/top1'))
auto_scale_lr = dict(enable=False, base_batch_size=16)  # RSPNet's 4 GPUs
