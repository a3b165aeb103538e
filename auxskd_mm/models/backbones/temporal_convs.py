"""A small stack of residual convolutions in space and time, on feature maps."""

from __future__ import annotations

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from ...errors import InputError
from ...registry import MODELS
from .residual import Triple


def _conv(in_channels: int, out_channels: int, stride: Triple, factorised: bool) -> nn.Module:
    """A 3x3x3 convolution, or 1x3x3 and then 3x1x1. Its padding keeps the size at stride 1."""
    if not factorised:
        return nn.Conv3d(in_channels, out_channels, 3, stride, 1, bias=False)
    time, height, width = stride
    return nn.Sequential(
        nn.Conv3d(in_channels, out_channels, (1, 3, 3), (1, height, width), (0, 1, 1), bias=False),
        nn.BatchNorm3d(out_channels),
        nn.ReLU(inplace=True),
        nn.Conv3d(out_channels, out_channels, (3, 1, 1), (time, 1, 1), (1, 0, 0), bias=False),
    )


class _Block(nn.Module):
    """conv-BN-ReLU-conv-BN, addition of the shortcut, ReLU. With a stride, the shortcut is an average pool."""

    def __init__(self, channels: int, stride: Triple, factorised: bool) -> None:
        super().__init__()
        self.stride = stride
        self.conv1 = _conv(channels, channels, stride, factorised)
        self.bn1 = nn.BatchNorm3d(channels)
        self.conv2 = _conv(channels, channels, (1, 1, 1), factorised)
        self.bn2 = nn.BatchNorm3d(channels)

    def forward(self, x: Tensor) -> Tensor:
        residual = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))  # (B, C, T', h', w')
        if max(self.stride) > 1:
            x = F.avg_pool3d(x, self.stride, self.stride, ceil_mode=True)  # (B, C, T', h', w')
        return F.relu(x + residual)


@MODELS.register_module()
class TemporalConvs(BaseModule):
    """A projection and residual blocks of 3x3x3 or (1x3x3, 3x1x1) convolutions with BatchNorm.

    (B, in_channels, T, h, w) -> (B, channels, T', h', w'). It is the temporal module on top of a
    :class:`TimmBackbone`, ``temporal=dict(type='auxskd_mm.TemporalConvs', ...)``, or a backbone of its own on stored
    feature maps.

    Args:
        in_channels: Channels of the feature maps. On top of a backbone, None takes the backbone's.
        channels: Width of the stack, ``out_channels``.
        blocks: Number of residual blocks. 0 leaves only the projection, a 1x1x1 convolution with BatchNorm and ReLU.
        temporal_strides: Stride in time of each block, or one number for the first block.
        spatial_strides: Stride in space of each block, or one number for the first block.
        factorised: Whether to split 3x3x3 kernels into 1x3x3 and 3x1x1, as R(2+1)D does.
        init_cfg: MMEngine initialisation. None keeps PyTorch's.

    Attributes:
        out_channels: Width of the output.

    Raises:
        InputError: If a number is below 1, or the strides do not match the number of blocks.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int = 128,
        blocks: int = 2,
        temporal_strides: int | tuple[int, ...] = 1,
        spatial_strides: int | tuple[int, ...] = 1,
        factorised: bool = False,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        for key, value, least in (('in_channels', in_channels, 1), ('channels', channels, 1), ('blocks', blocks, 0)):
            if not isinstance(value, int) or value < least:
                raise InputError(f'TemporalConvs.{key}={value!r}: expected a whole number of at least {least}')
        time = _strides('temporal_strides', temporal_strides, blocks)
        space = _strides('spatial_strides', spatial_strides, blocks)
        self.in_channels = in_channels
        self.out_channels = channels
        self.project = nn.Sequential(
            nn.Conv3d(in_channels, channels, 1, bias=False), nn.BatchNorm3d(channels), nn.ReLU(inplace=True)
        )
        self.blocks = nn.Sequential(*(_Block(channels, (t, s, s), factorised) for t, s in zip(time, space)))

    def forward(self, x: Tensor) -> Tensor:
        """Feature maps (B, out_channels, T', h', w') of maps (B, in_channels, T, h, w). Maps in float16, from a store,
        are cast to the type of the weights.

        Raises:
            InputError: If the input has another number of dimensions or channels.
        """
        _check_maps(self, x)
        x = self.project(x.to(next(self.parameters()).dtype))  # (B, out_channels, T, h, w)
        return self.blocks(x)  # (B, out_channels, T', h', w')


@MODELS.register_module()
class FeatureMaps(BaseModule):
    """Stored feature maps as they are, to measure the trunk itself: (B, C, T, h, w) -> (B, C, T, h, w) in float32.

    Args:
        in_channels: Channels C of the maps.
        init_cfg: Not used; there are no weights.

    Attributes:
        out_channels: C.

    Raises:
        InputError: From ``forward``, if the input has another number of dimensions or channels.
    """

    def __init__(self, in_channels: int, init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg)
        self.in_channels = self.out_channels = in_channels

    def forward(self, x: Tensor) -> Tensor:
        """Return the maps (B, C, T, h, w) in float32."""
        _check_maps(self, x)
        return x.float()


def _check_maps(module: TemporalConvs | FeatureMaps, x: Tensor) -> None:
    """Refuse features that are not (B, in_channels, T, h, w)."""
    if x.ndim != 5 or x.shape[1] != module.in_channels:
        raise InputError(
            f'{type(module).__name__}.in_channels={module.in_channels}: got features {tuple(x.shape)}, expected '
            f'(B, {module.in_channels}, T, h, w)'
        )


def _strides(key: str, value: int | tuple[int, ...], blocks: int) -> list[int]:
    """One stride for each block."""
    strides = [value, *[1] * (blocks - 1)] if isinstance(value, int) else list(value)
    strides = strides[:blocks] if isinstance(value, int) else strides
    if len(strides) != blocks or any(not isinstance(s, int) or s < 1 for s in [*strides, 1]):
        raise InputError(
            f'TemporalConvs.{key}={value!r}: expected a number of at least 1 for the first block, or one for each of '
            f'{blocks} blocks'
        )
    return strides
