# VideoPace with its C3D, everything else as in pace_r21d_k100.py.
_base_ = './pace_r21d_k100.py'

model = dict(backbone=dict(type='auxskd_mm.C3DBN'))
