# Faithful to RSPNet of PeihaoChen/RSPNet @ 2958779 (sampling, augmentation, network, losses, queue, schedule; its config
# has K400 and K100); not: random streams, crops resized as uint8 by OpenCV before they reach the device, one process is
# allowed (the original refuses it), and there is a test set (the original has none).
_base_ = ['_base_/default_runtime.py', '_base_/datasets/k100_rspnet.py']

model = dict(
    type='auxskd_mm.RSPNet',
    backbone=dict(type='auxskd_mm.R2Plus1DVCOP'),
    head_a=dict(type='auxskd_mm.RelativeSpeedHead', in_channels=512, out_channels=128, kind='linear'),
    head_m=dict(type='auxskd_mm.RelativeSpeedHead', in_channels=512, out_channels=128, kind='linear'),
    queue_size=16384,
    speed=_base_.sample.max_speed,
    contrastive_loss=dict(type='auxskd_mm.QueueContrastiveLoss', temperature=0.07),
    speed_loss=dict(type='auxskd_mm.RelativeSpeedLoss', margin=2.0, temperature=0.07),  # margin after the temperature
    data_preprocessor=dict(
        type='auxskd_mm.ClipDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        photometric=[  # one draw per view
            dict(type='auxskd_mm.BatchRandomGrayscale', p=0.2),
            dict(
                type='auxskd_mm.BatchColorJitter',
                brightness=0.4,
                contrast=0.4,
                saturation=0.4,
                hue=0.4,
                p=1.0,
                clip_consistent=True,
            ),
        ],
    ),
)
custom_hooks = [
    dict(type='auxskd_mm.CheckedTransferHook'),
    dict(type='auxskd_mm.BadVideoHook'),
    dict(type='auxskd_mm.SKDDistillerHook', momentum=0.999),
]

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=1e-4))
auto_scale_lr = dict(enable=True, base_batch_size=64)  # the original's rule: lr x clips of all processes / 64
epochs = 200
param_scheduler = dict(
    type='CosineAnnealingLR', by_epoch=True, T_max=epochs, eta_min_ratio=1e-3
)  # steps once per epoch
train_cfg = dict(type='auxskd_mm.ResumableEpochTrainLoop', max_epochs=epochs)
default_hooks = dict(checkpoint=dict(interval=10))
load_from = None  # start from the auxiliary phase: 'work_dirs/auxskd_r21d_k100/epoch_18.pth'
