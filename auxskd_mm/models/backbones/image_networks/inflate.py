"""Inflation of 2-D kernels into 3-D kernels, as in I3D (Carreira and Zisserman, CVPR 2017)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ....errors import InputError
from ....functional.public_weights.input_channels import inflate_kernel
from .clip_length import ClipLength


class InflatedConv2d(nn.Module):
    """A 3-D convolution on frames in a row, (B * T, C, H, W) -> (B * T, C', H', W').

    The weight (C', C / groups, K, kh, kw) starts as the 2-D weight, repeated K times and divided by K. Beyond its ends,
    a clip repeats its first and its last frame. So every frame of a still clip gives the output of the 2-D convolution.
    A padding with zeros would give it only in the middle of the clip.

    Args:
        conv: 2-D convolution, with fixed padding or timm's padding 'same'.
        kernel: Temporal kernel length K, an odd number.
        length: Number of frames per clip.
    """

    def __init__(self, conv: nn.Conv2d, kernel: int, length: ClipLength) -> None:
        super().__init__()
        self.length = length
        self.kernel = kernel
        self.same = type(conv).__name__ == 'Conv2dSame'
        self.stride, self.padding, self.dilation, self.groups = conv.stride, conv.padding, conv.dilation, conv.groups
        # A weight on which no map depends is not trained; see TimmBackbone.
        self.weight = nn.Parameter(inflate_kernel(conv.weight.detach(), kernel), conv.weight.requires_grad)
        self.bias = conv.bias

    def forward(self, x: Tensor) -> Tensor:
        """(B * T, C, H, W) -> (B * T, C', H', W').

        Each tap is a 2-D convolution, for which CPUs have fast kernels, also depthwise.
        """
        padding = self.padding
        if self.same:
            x, padding = self._pad_same(x), (0, 0)
        out: Tensor | None = None
        for tap, weight in enumerate(self.weight.unbind(2)):  # (C', C / groups, kh, kw) each
            bias = self.bias if tap == self.kernel // 2 else None  # once
            part = F.conv2d(x, weight, bias, self.stride, padding, self.dilation, self.groups)
            part = self._move(part, tap - self.kernel // 2)
            out = part if out is None else out + part
        assert out is not None
        return out

    def _move(self, x: Tensor, offset: int) -> Tensor:
        """Frames at t + offset in place of those at t, and the nearest frame beyond the ends of a clip."""
        if offset == 0:
            return x
        frames = self.length.frames
        index = (torch.arange(frames, device=x.device) + offset).clamp(0, frames - 1)
        return x.unflatten(0, (-1, frames)).index_select(1, index).flatten(0, 1)

    def _pad_same(self, x: Tensor) -> Tensor:
        from timm.layers import pad_same

        return pad_same(x, list(self.weight.shape[-2:]), list(self.stride), list(self.dilation))


def inflate(network: nn.Module, kernel: int, length: ClipLength) -> None:
    """Replace every convolution with a spatial kernel above 1 x 1 by an :class:`InflatedConv2d`, in place.

    Args:
        network: Image network.
        kernel: Temporal kernel length.
        length: Number of frames per clip.

    Raises:
        InputError: If the kernel length is even or below 1, or the network has no such convolution or one of another
            kind.
    """
    if kernel < 1 or kernel % 2 == 0:
        raise InputError(f'model.backbone.temporal_kernel={kernel}: expected an odd number, e.g. 3')
    found = [
        (name, conv)
        for name, conv in network.named_modules()
        if isinstance(conv, nn.Conv2d) and max(conv.kernel_size) > 1
    ]
    if not found:
        raise InputError("model.backbone.temporal='inflate': the network has no spatial convolution; take 'none'")
    for name, conv in found:
        if type(conv).__name__ not in ('Conv2d', 'Conv2dSame') or conv.padding_mode != 'zeros':
            raise InputError(
                f"model.backbone.temporal='inflate' knows plain convolutions, and {name} is a {type(conv).__name__}; take "
                "temporal='shift' or a network without it"
            )
        network.set_submodule(name, InflatedConv2d(conv, kernel, length))
