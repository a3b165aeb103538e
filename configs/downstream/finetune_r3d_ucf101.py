# VCOP's fine-tuning with R3D; everything else as in finetune_r21d_ucf101.py.
_base_ = './finetune_r21d_ucf101.py'

model = dict(backbone=dict(type='auxskd_mm.R3DVCOP'))
