# VSPP with R3D: the original cannot build it (its R3D takes no segment head), so the network is VideoPace's,
# everything else as in r21d.
_base_ = './vspp_r21d_k100.py'

model = dict(backbone=dict(type='auxskd_mm.R3DVCOP'), cls_head=dict(in_channels=512))
load_from = None  # start from the auxiliary phase: 'work_dirs/auxskd_r3d_k100/epoch_18.pth'
