"""All namings that are recognised."""

from __future__ import annotations

from collections.abc import Collection

from . import inception_i3d, plain_resnet, torchvision_video, video_mae
from .naming import Naming

_LIBRARIES = (
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
# A ViT for images has the layer names of VideoMAE. It also has a class token or positions, which VideoMAE computes.
_IMAGE_VIT = Naming(
    "timm's ViT for images",
    (r'patch_embed\.proj\.weight$', r'blocks\.0\.attn\.qkv\.bias$', r'pos_embed$'),
    "dict(type='auxskd_mm.TimmBackbone', model=NAME)",
)
NAMINGS = (
    _IMAGE_VIT,
    *video_mae.NAMINGS,
    *torchvision_video.NAMINGS,
    *plain_resnet.NAMINGS,
    *inception_i3d.NAMINGS,
    *_LIBRARIES,
)


def naming_of(keys: Collection[str]) -> Naming | None:
    """The naming of a file with these keys, or None."""
    return next((naming for naming in NAMINGS if naming.recognises(keys)), None)
