"""ResNets with plain layer names (torchvision's and timm's 2-D ones, Hara's 3-D ones) under MMAction2's names."""

from __future__ import annotations

from .naming import Naming, substitutions

# MMAction2 puts convolution and norm of a layer into one ConvModule.
PLAIN_TO_MMACTION = (
    (r'(^|\.)conv(\d)\.weight$', r'\1conv\2.conv.weight'),
    (r'(^|\.)bn(\d)\.', r'\1conv\2.bn.'),
    (r'\.downsample\.0\.', '.downsample.conv.'),
    (r'\.downsample\.1\.', '.downsample.bn.'),
)

NAMINGS = (
    Naming(
        'ResNet with plain layer names (torchvision, timm, 3D-ResNets-PyTorch)',
        (r'conv1\.weight$', r'bn1\.weight$', r'layer1\.0\.conv1\.weight$', r'layer1\.0\.bn1\.weight$'),
        "dict(type='ResNet') for images, dict(type='auxskd_mm.ResNet3dHara') for clips, or auxskd_mm.TimmBackbone",
        (substitutions(PLAIN_TO_MMACTION),),
    ),
)
