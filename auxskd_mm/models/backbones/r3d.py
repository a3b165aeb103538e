"""R3D of VCOP and VideoPace."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ...registry import MODELS
from .residual import ResidualBackbone, Triple


class FullConv3d(nn.Module):
    """A 3-D convolution of (B, C, T, H, W) without bias. Its padding keeps the size at stride 1."""

    def __init__(self, in_channels: int, out_channels: int, kernel: Triple, stride: Triple) -> None:
        super().__init__()
        padding = tuple(k // 2 for k in kernel)
        # ``padding`` has three numbers, as ``kernel`` has.
        self.temporal_spatial_conv = nn.Conv3d(in_channels, out_channels, kernel, stride, padding, bias=False)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, H, W) -> (B, C', T', H', W')."""
        return self.temporal_spatial_conv(x)


@MODELS.register_module()
class R3DVCOP(ResidualBackbone):
    """R3D with one block per stage: (B, 3, T, H, W) -> (B, 8 * base_channels, T/8, H/16, W/16).

    The network has 14,361,792 parameters. It differs from torchvision's ``r3d_18`` and RSPNet's ``resnet18``, which
    have two blocks per stage.

    Args:
        kwargs: ``stage_blocks``, ``base_channels``, ``in_channels``, ``frozen_stages``, ``with_cp``, ``init_cfg`` and
            ``out_indices`` of :class:`ResidualBackbone`.

    Source: xudejing/video-clip-order-prediction @ 7a1710d, laura-wang/video-pace @ cc1e561. The parameters have the
    names of these repositories.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(FullConv3d, **kwargs)
