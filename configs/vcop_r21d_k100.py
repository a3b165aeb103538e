# Faithful to VCOP of xudejing/video-clip-order-prediction @ 7a1710d (sampling, crops, RGB in [0, 1], BatchNorm clip by
# clip, network, loss, schedule); not: random streams (its seed is 632), K100 instead of UCF101, OpenCV's bilinear resize
# instead of PIL's, and no training videos are held out to choose an epoch by.
_base_ = ['_base_/default_runtime.py', '_base_/datasets/k100_vcop.py']

model = dict(
    type='auxskd_mm.ClipwiseRecognizer3D',  # one backbone pass per tuple position; 'Recognizer3D' runs all positions in one pass
    backbone=dict(type='auxskd_mm.R2Plus1DVCOP'),
    cls_head=dict(
        type='auxskd_mm.ClipOrderHead',
        in_channels=512,
        tuple_len=_base_.sample.tuple_len,
        hidden_channels=512,
        dropout=0.5,
    ),
    data_preprocessor=dict(type='auxskd_mm.ClipDataPreprocessor', mean=[0.0] * 3, std=[255.0] * 3),  # [0, 1]
)

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=1e-3, momentum=0.9, weight_decay=5e-4))
epochs = 300
param_scheduler = None  # constant: the original builds ReduceLROnPlateau and never steps it
# 300 epochs of UCF101's 9,500 videos in the original; K100 has 3.4 times as many
train_cfg = dict(type='auxskd_mm.ResumableEpochTrainLoop', max_epochs=epochs)
default_hooks = dict(checkpoint=dict(interval=20))
auto_scale_lr = dict(enable=False, base_batch_size=8)
load_from = None  # start from the auxiliary phase: 'work_dirs/auxskd_r21d_k100/epoch_18.pth'
