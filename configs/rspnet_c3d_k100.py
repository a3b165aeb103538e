# RSPNet with its C3D (lr 0.1 for 64 clips, batch 32), everything else as in rspnet_r21d_k100.py.
_base_ = './rspnet_r21d_k100.py'

model = dict(backbone=dict(type='auxskd_mm.C3DBN'))
optim_wrapper = dict(optimizer=dict(lr=0.1))
