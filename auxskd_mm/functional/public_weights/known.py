"""All namings that are recognised."""

from __future__ import annotations

from . import inception_i3d, torchvision_video, video_mae
from .naming import Naming, Tensors, substitutions

# MMAction2 puts convolution and norm of a layer into one ConvModule.
PLAIN_TO_MMACTION = (
    (r'(^|\.)conv(\d)\.weight$', r'\1conv\2.conv.weight'),
    (r'(^|\.)bn(\d)\.', r'\1conv\2.bn.'),
    (r'\.downsample\.0\.', '.downsample.conv.'),
    (r'\.downsample\.1\.', '.downsample.bn.'),
)

_LIBRARIES = (
    Naming(
        'ResNet with plain layer names (torchvision, timm, 3D-ResNets-PyTorch)',
        (r'conv1\.weight$', r'bn1\.weight$', r'layer1\.0\.conv1\.weight$', r'layer1\.0\.bn1\.weight$'),
        "dict(type='ResNet') for images, dict(type='auxskd_mm.ResNet3dHara') for clips, or auxskd_mm.TimmBackbone",
        (substitutions(PLAIN_TO_MMACTION),),
    ),
    Naming(
        "pytorchvideo's network",
        (r'blocks\.0\.(conv|multipathway_blocks)', r'blocks\.1\.(res_blocks|multipathway_blocks)\.'),
        "dict(type='auxskd_mm.PyTorchVideoBackbone', model=NAME)",
    ),
    Naming(
        "pytorchvideo's MViT",
        (r'patch_embed\.patch_model\.weight$', r'cls_positional_encoding\.'),
        "dict(type='auxskd_mm.PyTorchVideoBackbone', model='mvit_base_16x4')",
    ),
    Naming(
        "timm's EfficientNet or MobileNet",
        (r'conv_stem\.weight$', r'bn1\.weight$', r'blocks\.0\.0\.'),
        "dict(type='auxskd_mm.TimmBackbone', model=NAME)",
    ),
)
# A ViT for images has the layer names of VideoMAE, whose patches are 3-D.
_IMAGE_VIT = Naming(
    "timm's ViT for images",
    ((r'patch_embed\.proj\.weight$', 4), r'blocks\.0\.attn\.qkv\.weight$', r'blocks\.0\.mlp\.fc1\.weight$'),
    "dict(type='auxskd_mm.TimmBackbone', model=NAME)",
)
NAMINGS = (
    _IMAGE_VIT,
    *video_mae.NAMINGS,
    *torchvision_video.NAMINGS,
    *inception_i3d.NAMINGS,
    *_LIBRARIES,
)


def naming_of(state: Tensors) -> Naming | None:
    """The naming of a file with these tensors, or None."""
    return next((naming for naming in NAMINGS if naming.recognises(state)), None)
