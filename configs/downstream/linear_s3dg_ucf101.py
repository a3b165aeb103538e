# Linear evaluation end to end: finetune_s3dg_ucf101.py with the whole backbone frozen and in eval mode, and the
# schedule of the SEVERE benchmark's linear protocol (Adam 0.01, x0.3 at epochs 4 and 8, 10 epochs, batch 128).
# probe_s3dg_ucf101.py does it on features that are extracted once.
_base_ = './finetune_s3dg_ucf101.py'

model = dict(backbone=dict(frozen_stages=3))
train_dataloader = dict(batch_size=128)
optim_wrapper = dict(optimizer=dict(_delete_=True, type='Adam', lr=0.01))
param_scheduler = dict(_delete_=True, type='MultiStepLR', by_epoch=True, milestones=[4, 8], gamma=0.3)
epochs = 10
train_cfg = dict(max_epochs=epochs)
auto_scale_lr = dict(base_batch_size=128)
