"""R(2+1)D of VCOP, VideoPace, VSPP, auxSKD and RSPNet's ``r2plus1d-vcop``."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ...registry import MODELS
from .residual import ResidualBackbone, Triple


class FactoredConv3d(nn.Module):
    """Spatial 1 x d x d convolution, BN, ReLU and temporal t x 1 x 1 convolution, without biases.

    The layer between the convolutions has M = floor(t d^2 Cin Cout / (d^2 Cin + t Cout)) channels. The pair then has as
    many weights as the full 3-D convolution.

    Args:
        in_channels: Input channels Cin.
        out_channels: Output channels Cout.
        kernel: Kernel size (t, d, d), odd.
        stride: Stride (time, height, width).
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: Triple, stride: Triple) -> None:
        super().__init__()
        t, d, _ = kernel
        middle = t * d * d * in_channels * out_channels // (d * d * in_channels + t * out_channels)
        self.spatial_conv = nn.Conv3d(
            in_channels, middle, (1, d, d), (1, *stride[1:]), padding=(0, d // 2, d // 2), bias=False
        )
        self.bn = nn.BatchNorm3d(middle)
        self.relu = nn.ReLU(inplace=True)
        self.temporal_conv = nn.Conv3d(
            middle, out_channels, (t, 1, 1), (stride[0], 1, 1), padding=(t // 2, 0, 0), bias=False
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, Cin, T, H, W) -> (B, Cout, T', H', W')."""
        x = self.relu(self.bn(self.spatial_conv(x)))  # (B, M, T, H', W')
        return self.temporal_conv(x)  # (B, Cout, T', H', W')


@MODELS.register_module()
class R2Plus1DVCOP(ResidualBackbone):
    """R(2+1)D with one block per stage: (B, 3, T, H, W) -> (B, 8 * base_channels, T/8, H/16, W/16).

    Tables often call it "R(2+1)D-18". It has 10 convolutions and 14,365,303 parameters, and shares no weight shape with
    torchvision's ``r2plus1d_18``. Unlike in torchvision, the shortcuts are factored convolutions too. A clip of 16 x
    112 x 112 gives a map of 512 x 2 x 7 x 7.

    Args:
        kwargs: ``stage_blocks``, ``base_channels``, ``in_channels``, ``frozen_stages``, ``with_cp``, ``init_cfg`` and
            ``out_indices`` of :class:`ResidualBackbone`.

    Source: xudejing/video-clip-order-prediction @ 7a1710d and Plrbear/auxSKD @ 79e99b8. The parameters have the names
    of these repositories.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(FactoredConv3d, **kwargs)
