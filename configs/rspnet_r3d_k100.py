# RSPNet with its 3-D ResNet-18, which is not the R3D of VCOP and VideoPace (lr 0.1 for 64 clips, batch 64), everything
# else as in rspnet_r21d_k100.py.
_base_ = './rspnet_r21d_k100.py'

model = dict(backbone=dict(_delete_=True, type='auxskd_mm.ResNet3dHara', depth=18))
train_dataloader = dict(batch_size=64)
optim_wrapper = dict(optimizer=dict(lr=0.1))
