"""The number of channels that a network takes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ...errors import InputError
from ...functional.public_weights.input_channels import COLOURS, adapt_kernel

_CONVOLUTIONS = (nn.Conv2d, nn.Conv3d)


def input_channels(network: nn.Module) -> int:
    """Channels of the clips that a network takes: its ``in_channels``, or those of its first convolution, or else 3."""
    known = getattr(network, 'in_channels', None)
    if isinstance(known, int):
        return known
    return next((int(m.in_channels) for m in network.modules() if isinstance(m, _CONVOLUTIONS)), COLOURS)


def set_input_channels(network: nn.Module, channels: int, owner: str) -> None:
    """Let a network for colours take clips of another number of channels, in place.

    The first convolution is replaced. Its kernel follows from the old one as :func:`adapt_kernel` says. With 3 channels
    nothing changes, and no random number is drawn.

    Args:
        network: Network whose first convolution takes 3 channels.
        channels: Number of channels.
        owner: Class name for messages.

    Raises:
        InputError: If the number is no whole number from 1 on, or there is no such convolution.
    """
    if not isinstance(channels, int) or isinstance(channels, bool) or channels < 1:
        raise InputError(f'{owner}.in_channels={channels!r}: expected a whole number from 1 on')
    if channels == COLOURS:
        return
    name, conv = next(((n, m) for n, m in network.named_modules() if isinstance(m, _CONVOLUTIONS)), ('', None))
    if conv is None or not name or conv.in_channels != COLOURS or conv.groups != 1:
        raise InputError(
            f'{owner}.in_channels={channels}: the network has no first convolution of 3 channels; leave it out'
        )
    kind: Any = type(conv)
    new = kind(
        channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding, conv.dilation, bias=conv.bias is not None,
        padding_mode=conv.padding_mode,
    )  # fmt: skip
    with torch.no_grad():
        new.weight.copy_(adapt_kernel(conv.weight, channels))
        if conv.bias is not None:
            new.bias.copy_(conv.bias)
    network.set_submodule(name, new)


def check_input(expected: int, clips: Tensor, owner: str) -> None:
    """Refuse inputs that are no clips (B, C, T, H, W), or have another number of channels than a network takes.

    torch would take frames (B, C, H, W) for a single clip, where C happens to fit.

    Raises:
        InputError: With the shape, or both numbers of channels.
    """
    if isinstance(clips, torch.fx.Proxy):  # traced, for MMEngine's efficient_conv_bn_eval: there are no numbers yet
        return
    if clips.ndim != 5:
        raise InputError(
            f'model.backbone ({owner}) takes clips (B, C, T, H, W), got {tuple(clips.shape)}: use Recognizer3D, and '
            "FormatShape(input_format='NCTHW')"
        )
    found = clips.shape[1]
    if found != expected:
        raise InputError(
            f'model.backbone ({owner}) takes clips of {expected} channel(s), and these have {found}: set its in_channels, or '
            'OpenVideo.channels'
        )
