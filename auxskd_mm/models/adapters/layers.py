"""Layers of adapters. They are no ``nn.Conv3d`` and no ``nn.Linear``, so a backbone's initialisation leaves them alone.

MMAction2's ``init_weights`` draws new weights for each module of these classes. Adapters that start at zero would lose
that.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd


class AdapterConv3d(_ConvNd):
    """3-D convolution with stride 1, a bias and zero padding that keeps the size. PyTorch's default initialisation.

    Args:
        in_channels: Input channels.
        out_channels: Output channels.
        kernel_size: (t, h, w), odd.
        groups: Number of groups.
    """

    bias: Tensor

    def __init__(self, in_channels: int, out_channels: int, kernel_size: tuple[int, int, int], groups: int = 1) -> None:
        padding = tuple(k // 2 for k in kernel_size)
        ones = (1, 1, 1)
        super().__init__(
            in_channels, out_channels, kernel_size, ones, padding, ones, False, (0, 0, 0), groups, True, 'zeros'
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, Cin, T, H, W) -> (B, Cout, T, H, W)."""
        return F.conv3d(x, self.weight, self.bias, padding=self.padding, groups=self.groups)  # type: ignore[arg-type]  # ints


class AdapterLinear(nn.Module):
    """Linear layer (..., Cin) -> (..., Cout) with a bias and PyTorch's default initialisation.

    Args:
        in_features: Input width.
        out_features: Output width.
    """

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        layer = nn.Linear(in_features, out_features)
        self.weight, self.bias = layer.weight, layer.bias

    def forward(self, x: Tensor) -> Tensor:
        """(..., Cin) -> (..., Cout)."""
        return F.linear(x, self.weight, self.bias)
