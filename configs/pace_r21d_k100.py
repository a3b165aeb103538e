# Faithful to the released code of VideoPace, laura-wang/video-pace @ cc1e561 (sampling, BGR 0-255, jitter, network, loss,
# schedule: pace prediction alone); not: random streams, batch 30 in one process by default, K100 instead of its lists
# (UCF101 and K400), and there is a test set (the original has none).
_base_ = ['_base_/default_runtime.py', '_base_/datasets/k100_pace.py']

model = dict(
    type='Recognizer3D',
    backbone=dict(type='auxskd_mm.R2Plus1DVCOP'),
    cls_head=dict(type='auxskd_mm.PaceHead', in_channels=512, num_paces=len(_base_.sample.paces)),
    data_preprocessor=dict(type='auxskd_mm.ClipDataPreprocessor'),  # uint8 to float, without /255, mean and std
)

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=1e-3, momentum=0.9, weight_decay=5e-3),  # README's lr; the argument's default is 1e-2
)
epochs = 18
param_scheduler = dict(type='StepLR', by_epoch=True, step_size=6, gamma=0.1)
train_cfg = dict(type='auxskd_mm.ResumableEpochTrainLoop', max_epochs=epochs)
auto_scale_lr = dict(enable=False, base_batch_size=30)
load_from = None  # start from the auxiliary phase: 'work_dirs/auxskd_r21d_k100/epoch_18.pth'
