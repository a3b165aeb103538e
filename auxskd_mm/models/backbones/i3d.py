"""I3D with the Inception blocks, in the port that PECoP uses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import InputError
from ...registry import MODELS
from .inception import InceptionBackbone, SameMaxPool, same_padding
from .residual import UNIT, Triple


class _Conv(nn.Module):
    """Convolution without bias, BN and ReLU. Zeros pad k - s positions of each axis, the smaller half in front."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: Triple = UNIT, stride: Triple = UNIT, bn_eps: float = 1e-5
    ) -> None:
        super().__init__()
        padding = same_padding(kernel, stride)
        even = padding[::2] == padding[1::2]
        # The convolution pads by itself where it can, which is faster.
        self.pad = nn.Identity() if even else nn.ConstantPad3d(padding, 0.0)  # type: ignore[arg-type]  # six numbers
        own: Triple = padding[::-2] if even else (0, 0, 0)  # type: ignore[assignment]  # three numbers, time first
        self.conv3d = nn.Conv3d(in_channels, out_channels, kernel, stride, padding=own, bias=False)
        self.batch3d = nn.BatchNorm3d(out_channels, eps=bn_eps)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.batch3d(self.conv3d(self.pad(x))), inplace=True)


class I3DBlock(nn.Module):
    """Inception block: four branches whose outputs are concatenated along the channels.

    Args:
        in_channels: Input channels C.
        channels: Channels of branch 0; of branch 1 reduced and out; of branch 2 reduced and out; of branch 3.
        bn_eps: Epsilon of every BatchNorm.
    """

    def __init__(self, in_channels: int, channels: Sequence[int], bn_eps: float = 1e-5) -> None:
        super().__init__()
        b0, b1_a, b1, b2_a, b2, b3 = channels
        cube = (3, 3, 3)
        self.branch_0 = _Conv(in_channels, b0, bn_eps=bn_eps)
        self.branch_1 = nn.Sequential(_Conv(in_channels, b1_a, bn_eps=bn_eps), _Conv(b1_a, b1, cube, bn_eps=bn_eps))
        self.branch_2 = nn.Sequential(_Conv(in_channels, b2_a, bn_eps=bn_eps), _Conv(b2_a, b2, cube, bn_eps=bn_eps))
        self.branch_3 = nn.Sequential(SameMaxPool(cube, UNIT), _Conv(in_channels, b3, bn_eps=bn_eps))
        self.out_channels = b0 + b1 + b2 + b3

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, H, W) -> (B, C', T, H, W), C' the sum of the branches."""
        branches = [self.branch_0(x), self.branch_1(x), self.branch_2(x), self.branch_3(x)]  # four (B, C_i, T, H, W)
        return torch.cat(branches, dim=1)


@MODELS.register_module()
class I3DInception(InceptionBackbone):
    """Inflated Inception-v1 (I3D): (B, 3, T, H, W) -> (B, 1024, T/8, H/32, W/32), 12,287,264 parameters.

    Stage 0, the stem, consists of all layers before the first Inception block. Stages 1 to 3 are the blocks of
    ``mixed_3``, ``mixed_4`` and ``mixed_5``. The map is that before I3D's own average pooling, which belongs to the
    heads: ``VSPPHead(window=(2, 7, 7))``.

    Max-pools pad with zeros, which are real values: behind an adapter a map can be negative. The padding is fixed, so for
    an odd number of frames the result differs from TensorFlow's.

    Args:
        bn_eps: Epsilon of every BatchNorm: 1e-5 in PECoP, 1e-3 in the upstream network, whose Kinetics weights PECoP loads.
        stage_blocks: Number of Inception blocks in each of the three stages, at most (2, 5, 2). I3D has (2, 5, 2).
        width: Factor for the channels of every layer. I3D has 1.
        in_channels: Channels of a clip.
        kwargs: See :class:`StagedBackbone`. As ``init_cfg``, ``model_rgb.pth`` of hassony2/kinetics_i3d_pytorch fits as it is.

    Raises:
        InputError: If the depth does not exist, or the width or ``bn_eps`` is not positive.

    Example:
        >>> import torch
        >>> from auxskd_mm.models.backbones import I3DInception
        >>> I3DInception(width=1 / 16)(torch.zeros(1, 3, 16, 64, 64)).shape
        torch.Size([1, 64, 2, 2, 2])

    Source: ``models/i3d_adapter.py`` of Plrbear/PECoP @ af79e55, without the adapters, which is ``src/i3dpt.py`` of
    hassony2/kinetics_i3d_pytorch. The parameters have the original's names.
    """

    def __init__(
        self,
        bn_eps: float = 1e-5,
        stage_blocks: Sequence[int] = (2, 5, 2),
        width: float = 1.0,
        in_channels: int = 3,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if bn_eps <= 0:
            raise InputError(f'I3DInception.bn_eps={bn_eps}: expected a number above 0')
        stem, out = self.stem_widths(width)
        self.conv3d_1a_7x7 = _Conv(in_channels, stem, (7, 7, 7), (2, 2, 2), bn_eps)
        self.maxPool3d_2a_3x3 = SameMaxPool((1, 3, 3), (1, 2, 2))
        self.conv3d_2b_1x1 = _Conv(stem, stem, bn_eps=bn_eps)
        self.conv3d_2c_3x3 = _Conv(stem, out, (3, 3, 3), bn_eps=bn_eps)
        self.maxPool3d_3a_3x3 = SameMaxPool((1, 3, 3), (1, 2, 2))
        self.maxPool3d_4a_3x3 = SameMaxPool((3, 3, 3), (2, 2, 2))
        self.maxPool3d_5a_2x2 = SameMaxPool((2, 2, 2), (2, 2, 2))
        self.add_blocks(
            ['conv3d_1a_7x7', 'maxPool3d_2a_3x3', 'conv3d_2b_1x1', 'conv3d_2c_3x3', 'maxPool3d_3a_3x3'],
            ['maxPool3d_4a_3x3', 'maxPool3d_5a_2x2'],
            lambda width_in, channels: I3DBlock(width_in, channels, bn_eps),
            stage_blocks,
            width,
        )
