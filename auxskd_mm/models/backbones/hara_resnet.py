"""The 3-D ResNet of Hara et al., which RSPNet calls ``resnet18``."""

from __future__ import annotations

from typing import Any

from mmaction.models.backbones import ResNet3d
from torch import nn

from ...errors import InputError
from ...registry import MODELS


@MODELS.register_module()
class ResNet3dHara(ResNet3d):
    """MMAction2's ``ResNet3d`` in the shape of the first 3-D ResNets: (B, 3, T, H, W) -> (B, 512, T/16, H/32, W/32).

    The stem is a 7x7x7 convolution with stride (1, 2, 2). The max-pool is 3x3x3 with stride 2 in time and space. In
    ``ResNet3d`` the stem is 3x7x7 and the max-pool works only in space. The stages have full 3x3x3 convolutions and the
    strides 1, 2, 2 and 2 in time and space. Depth 18 has 33,203,904 parameters. A clip of 16 x 112 x 112 gives a map of
    512 x 1 x 4 x 4. "R3D-18" in a table can mean this network, torchvision's ``r3d_18`` or VCOP's :class:`R3DVCOP`.
    Their weights are not interchangeable.

    Args:
        depth: 18 or 34. These depths have blocks of two 3x3x3 convolutions.
        base_channels: Width of the stem and the first stage. The other stages are 2, 4 and 8 times as wide.
        kwargs: Other arguments of ``ResNet3d``. The arguments that define the shape are fixed.

    Raises:
        InputError: If the depth is not 18 or 34.

    Source: kenshohara/3D-ResNets-PyTorch @ 4e2195c, from which PeihaoChen/RSPNet @ 2958779 took ``models/resnet.py``.
    Convolutions start with kaiming-normal (fan-out) weights. No BN starts at zero.
    """

    def __init__(self, depth: int = 18, base_channels: int = 64, **kwargs: Any) -> None:
        if depth not in (18, 34):
            raise InputError(f'ResNet3dHara.depth={depth}: expected 18 or 34')
        super().__init__(
            depth=depth,
            base_channels=base_channels,
            pretrained2d=False,
            temporal_strides=(1, 2, 2, 2),
            conv1_kernel=(7, 7, 7),
            with_pool2=False,
            zero_init_residual=False,
            **kwargs,
        )
        self.maxpool = nn.MaxPool3d(3, stride=2, padding=1)
        self.out_channels = 8 * base_channels
