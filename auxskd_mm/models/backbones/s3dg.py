"""S3D-G in the version of VideoPace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ...registry import MODELS
from .inception import InceptionBackbone, SameMaxPool
from .residual import Triple


class _Conv(nn.Module):
    """Convolution, BN and ReLU without biases. A (3, 3, 3) kernel is split into a spatial and a temporal kernel."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: Triple = (1, 1, 1), stride: int = 1, separable: bool = False
    ) -> None:
        super().__init__()
        t, d, _ = kernel
        first = (1, d, d) if separable else kernel
        # Torch takes lists of three too; its types say tuple.
        self.conv1 = nn.Conv3d(in_channels, out_channels, first, stride, [k // 2 for k in first], bias=False)  # type: ignore[arg-type]
        self.bn1 = nn.BatchNorm3d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.separable = separable
        if separable:
            self.conv2 = nn.Conv3d(out_channels, out_channels, (t, 1, 1), padding=(t // 2, 0, 0), bias=False)
            self.bn2 = nn.BatchNorm3d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))  # (B, C', T', H', W'); in space alone if separable
        return self.relu(self.bn2(self.conv2(x))) if self.separable else x


class _SelfGating(nn.Module):
    """Scale each channel by a sigmoid of a linear layer on the pooled features."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        weights = torch.sigmoid(self.fc(x.mean((2, 3, 4))))  # (B, C)
        return weights[:, :, None, None, None] * x


class _InceptionBlock(nn.Module):
    """Four gated branches whose outputs are concatenated along the channels."""

    def __init__(self, in_channels: int, channels: Sequence[int]) -> None:
        super().__init__()
        b0, b1_a, b1, b2_a, b2, b3 = channels
        self.conv_b0 = _Conv(in_channels, b0)
        self.conv_b1_a = _Conv(in_channels, b1_a)
        self.conv_b1_b = _Conv(b1_a, b1, (3, 3, 3), separable=True)
        self.conv_b2_a = _Conv(in_channels, b2_a)
        self.conv_b2_b = _Conv(b2_a, b2, (3, 3, 3), separable=True)
        self.maxpool_b3 = nn.MaxPool3d(3, stride=1, padding=1)
        self.conv_b3_b = _Conv(in_channels, b3)
        for i, width in enumerate((b0, b1, b2, b3)):
            self.add_module(f'gating_b{i}', _SelfGating(width))

    def forward(self, x: Tensor) -> Tensor:
        branches = (  # four times (B, C_i, T, H, W)
            self.conv_b0(x),
            self.conv_b1_b(self.conv_b1_a(x)),
            self.conv_b2_b(self.conv_b2_a(x)),
            self.conv_b3_b(self.maxpool_b3(x)),
        )
        return torch.cat([getattr(self, f'gating_b{i}')(branch) for i, branch in enumerate(branches)], dim=1)


@MODELS.register_module()
class S3DG(InceptionBackbone):
    """Separable 3-D Inception with feature gating: (B, 3, T, H, W) -> (B, 1024, T/8, H/32, W/32), 9,125,072 parameters.

    Stage 0, the stem, consists of all layers before the first Inception block. Stages 1 to 3 are the blocks of
    ``mixed_3``, ``mixed_4`` and ``mixed_5``. ``conv_2c`` always has a gate, as in the original. The original's flag for
    this gate has no effect.

    Args:
        stage_blocks: Number of Inception blocks in each of the three stages, at most (2, 5, 2). S3D-G has (2, 5, 2).
        width: Factor for the channels of every layer. S3D-G has 1.
        in_channels: Channels of a clip.
        kwargs: See :class:`StagedBackbone`.

    Raises:
        InputError: If the depth does not exist or the width is not positive.

    Source: laura-wang/video-pace @ cc1e561 (the S3D of HowTo100M without space-to-depth). The parameters have the
    original's names.
    """

    def __init__(
        self,
        stage_blocks: Sequence[int] = (2, 5, 2),
        width: float = 1.0,
        in_channels: int = 3,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        stem, out = self.stem_widths(width)
        self.conv1 = _Conv(in_channels, stem, (3, 7, 7), stride=2)
        self.maxpool_2a = SameMaxPool((1, 3, 3), (1, 2, 2))
        self.conv_2b = _Conv(stem, stem)
        self.conv_2c = _Conv(stem, out, (3, 3, 3), separable=True)
        self.gating = _SelfGating(out)
        self.maxpool_3a = SameMaxPool((1, 3, 3), (1, 2, 2))
        self.maxpool_4a = SameMaxPool((3, 3, 3), (2, 2, 2))
        self.maxpool_5a = SameMaxPool((2, 2, 2), (2, 2, 2))
        stem_names = ['conv1', 'maxpool_2a', 'conv_2b', 'conv_2c', 'gating', 'maxpool_3a']
        self.add_blocks(stem_names, ['maxpool_4a', 'maxpool_5a'], _InceptionBlock, stage_blocks, width)
