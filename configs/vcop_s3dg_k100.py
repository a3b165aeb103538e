# VCOP with S3D-G: the original has none, so the network is VideoPace's, everything else as in vcop_r21d_k100.py (three
# clips of VideoPace's 64 frames would span 208, more than many videos have).
_base_ = './vcop_r21d_k100.py'

model = dict(backbone=dict(type='auxskd_mm.S3DG'), cls_head=dict(in_channels=1024))
