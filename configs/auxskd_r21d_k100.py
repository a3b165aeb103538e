# Faithful to auxSKD of Plrbear/auxSKD @ 79e99b8, its quirks included (early wrap, queue start, BGR 0-255, per-frame
# jitter); not: random streams, batch 30 in one process by default, no loop that redraws until segments differ (the same
# distribution without it).
_base_ = ['_base_/default_runtime.py', '_base_/datasets/k100_auxskd.py']

model = dict(
    type='auxskd_mm.AuxSKD',
    backbone=dict(type='auxskd_mm.R2Plus1DVCOP'),
    neck=dict(type='auxskd_mm.MLP', in_channels=512, out_channels=128),  # one linear layer
    predictor=dict(type='auxskd_mm.MLP', in_channels=128, hidden_channels=1024, out_channels=128),
    queue_size=15360,
    queue_init='columns',  # the original's: rows of norm 0.09 until 512 steps have overwritten them
    loss=dict(
        type='auxskd_mm.SimilarityDistillationLoss',
        student_temperature=0.1,  # hard-coded in the original, whose arguments temp and temp_t are not read
        teacher_temperature=0.02,
    ),
    data_preprocessor=dict(type='auxskd_mm.ClipDataPreprocessor'),  # uint8 to float, without /255, mean and std
)
custom_hooks = [
    dict(type='auxskd_mm.CheckedTransferHook'),
    dict(type='auxskd_mm.BadVideoHook'),
    dict(type='auxskd_mm.SKDDistillerHook', momentum=0.999),
]

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=1e-3, momentum=0.9, weight_decay=5e-3),  # README's lr; weight decay is hard-coded
)
epochs = 25
param_scheduler = dict(type='StepLR', by_epoch=True, step_size=6, gamma=0.1)
train_cfg = dict(
    type='auxskd_mm.ResumableEpochTrainLoop', max_epochs=epochs
)  # the original's VSPP starts from epoch 18 by default
auto_scale_lr = dict(enable=False, base_batch_size=30)
