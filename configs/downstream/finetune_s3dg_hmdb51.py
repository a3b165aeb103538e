# RSPNet's fine-tuning on HMDB51, with the values of finetune_s3dg_ucf101.py; lists by tools/data/prepare_hmdb51.py.
_base_ = './finetune_s3dg_ucf101.py'

data_root = 'data/hmdb51'
model = dict(cls_head=dict(num_classes=51))
train_dataloader = dict(dataset=dict(data_root=data_root))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = dict(dataset=dict(data_root=data_root))
