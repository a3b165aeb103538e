# auxSKD with C3D: the original cannot build it, so the network is VideoPace's, everything else as in auxskd_r21d_k100.py.
_base_ = './auxskd_r21d_k100.py'

model = dict(backbone=dict(type='auxskd_mm.C3DBN'))
