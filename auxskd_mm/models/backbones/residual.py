"""The shallow residual networks of VCOP: a stem and four stages. By default each stage has one block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import InputError, check_least
from ..modules.input_channels import set_input_channels
from .staged import StagedBackbone

Triple = tuple[int, int, int]
# (in_channels, out_channels, kernel, stride) -> a convolution padded to keep the size at stride 1
ConvFactory = Callable[[int, int, Triple, Triple], nn.Module]

UNIT: Triple = (1, 1, 1)


class ResidualBlock(nn.Module):
    """conv-BN-ReLU-conv-BN, addition of the shortcut, ReLU. If the size changes, the shortcut has a convolution and BN.

    Args:
        conv: Function that makes the convolutions.
        in_channels: Input channels C.
        out_channels: Output channels C'.
        downsample: Whether to halve time, height and width.
    """

    def __init__(self, conv: ConvFactory, in_channels: int, out_channels: int, downsample: bool) -> None:
        super().__init__()
        stride = (2, 2, 2) if downsample else UNIT
        self.downsample = downsample
        if downsample:
            self.downsampleconv = conv(in_channels, out_channels, UNIT, stride)
            self.downsamplebn = nn.BatchNorm3d(out_channels)
        self.conv1 = conv(in_channels, out_channels, (3, 3, 3), stride)
        self.bn1 = nn.BatchNorm3d(out_channels)
        self.conv2 = conv(out_channels, out_channels, (3, 3, 3), UNIT)
        self.bn2 = nn.BatchNorm3d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, H, W) -> (B, C', T', H', W')."""
        residual = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)), inplace=True)))  # (B, C', T', H', W')
        if self.downsample:
            x = self.downsamplebn(self.downsampleconv(x))  # (B, C', T', H', W'), half of each axis
        return F.relu(x + residual, inplace=True)


class ResidualStage(nn.Module):
    """Blocks ``block1 .. blockN`` of one width C'. The first block may halve T, H and W of (B, C, T, H, W)."""

    def __init__(self, conv: ConvFactory, in_channels: int, out_channels: int, blocks: int, downsample: bool) -> None:
        super().__init__()
        for i in range(blocks):
            block = ResidualBlock(conv, in_channels if i == 0 else out_channels, out_channels, downsample and i == 0)
            self.add_module(f'block{i + 1}', block)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, H, W) -> (B, C', T', H', W')."""
        for block in self.children():
            x = block(x)  # the first block: (B, C, T, H, W) -> (B, C', T', H', W')
        return x


class ResidualBackbone(StagedBackbone):
    """A stem and stages ``conv2 .. conv5``, whose widths are 1, 2, 4 and 8 times the base width.

    The stem is a 3x7x7 convolution with stride (1, 2, 2). There is no max-pool.

    Args:
        conv: Function that makes the convolutions. It is the difference between R(2+1)D and R3D.
        stage_blocks: Number of blocks in each of one to four stages. The papers use (1, 1, 1, 1).
        base_channels: Width of the stem and the first stage. The papers use 64.
        in_channels: Channels of a clip.
        kwargs: See :class:`StagedBackbone`.

    Raises:
        InputError: If a size is below 1, or there are more than four stages.
    """

    def __init__(
        self,
        conv: ConvFactory,
        stage_blocks: Sequence[int] = (1, 1, 1, 1),
        base_channels: int = 64,
        in_channels: int = 3,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        name = type(self).__name__
        if not 1 <= len(stage_blocks) <= 4 or min(stage_blocks) < 1:
            raise InputError(f'{name}.stage_blocks={tuple(stage_blocks)}: expected one to four numbers of at least 1')
        check_least(name, base_channels=base_channels)
        # Built for colours first: R(2+1)D has a width inside that depends on the channels, and public weights must fit.
        self.conv1 = conv(3, base_channels, (3, 7, 7), (1, 2, 2))
        set_input_channels(self.conv1, in_channels, name)
        self.bn1 = nn.BatchNorm3d(base_channels)
        self.relu = nn.ReLU(inplace=True)
        width, stages = base_channels, [['conv1', 'bn1', 'relu']]
        for i, blocks in enumerate(stage_blocks):
            out = base_channels * 2**i
            self.add_module(f'conv{i + 2}', ResidualStage(conv, width, out, blocks, downsample=i > 0))
            stages.append([f'conv{i + 2}'])
            width = out
        self.out_channels = width
        self.set_stages(stages)
