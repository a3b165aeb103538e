# VCOP's retrieval with R3D; everything else as in retrieval_r21d_ucf101.py.
_base_ = './retrieval_r21d_ucf101.py'

model = dict(backbone=dict(type='auxskd_mm.R3DVCOP'))
