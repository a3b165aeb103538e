"""Networks (B, 3, T, H, W) -> (B, C, T', H', W'). Every MMAction2 backbone works without changes too."""

from .c3d import C3DBN
from .hara_resnet import ResNet3dHara
from .i3d import I3DInception
from .image_networks import PackagedWeights
from .pixel_patches import PixelPatches
from .pytorchvideo import PyTorchVideoBackbone
from .r2plus1d import R2Plus1DVCOP
from .r3d import R3DVCOP
from .s3dg import S3DG
from .temporal_convs import FeatureMaps, TemporalConvs
from .timm import TimmBackbone
from .torchvision_video import TorchvisionVideoBackbone

__all__ = [
    'C3DBN',
    'R3DVCOP',
    'S3DG',
    'FeatureMaps',
    'I3DInception',
    'PackagedWeights',
    'PixelPatches',
    'PyTorchVideoBackbone',
    'R2Plus1DVCOP',
    'ResNet3dHara',
    'TemporalConvs',
    'TimmBackbone',
    'TorchvisionVideoBackbone',
]
