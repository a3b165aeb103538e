# VCOP with its R3D, everything else as in vcop_r21d_k100.py.
_base_ = './vcop_r21d_k100.py'

model = dict(backbone=dict(type='auxskd_mm.R3DVCOP'))
