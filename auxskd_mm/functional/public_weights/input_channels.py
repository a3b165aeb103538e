"""Kernels of image networks in other networks: for clips of another number of channels, and as 3-D kernels (I3D)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

COLOURS = 3


def adapt_kernel(weight: Tensor, channels: int) -> Tensor:
    """A kernel (C', 3, ...) for red, green and blue as a kernel (C', C, ...) for another number of channels.

    With one channel it is the sum over the colours. With more, the channels take the kernels of red, green, blue, red ...
    in turn, and the kernel of a colour is divided by the number of its channels. With two, each takes half of the sum. The
    new kernel gives to equal channels what the old one gives to equal colours, also at the borders.
    """
    total = weight.double()
    if channels < COLOURS:
        return (total.sum(1, keepdim=True) / channels).repeat_interleave(channels, 1).to(weight.dtype)
    colours = torch.arange(channels) % COLOURS
    share = torch.bincount(colours)[colours].double()
    return (total[:, colours] / share.view(1, -1, *[1] * (weight.ndim - 2))).to(weight.dtype)


def fit_input(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Adapt the convolutions of a checkpoint that take colours where the network takes other channels: kernels (C', 3, ...)
    become (C', C, ...). ``own`` is the state dict of the network.
    """
    return {
        key: adapt_kernel(value, own[key].shape[1]) if _is_input(key, value, own) else value
        for key, value in state.items()
    }


def _is_input(key: str, value: Tensor, own: Mapping[str, Tensor]) -> bool:
    """Whether a tensor is a dense kernel (C', 3, ...) whose place in the network takes other channels."""
    if key not in own or value.ndim not in (4, 5) or own[key].ndim != value.ndim or value.shape[1] != COLOURS:
        return False
    theirs, ours = tuple(value.shape), tuple(own[key].shape)
    return theirs != ours and theirs[0] == ours[0] and theirs[2:] == ours[2:] and value.is_floating_point()


def inflate_kernel(weight: Tensor, kernel: int) -> Tensor:
    """A 2-D kernel (C', C, kh, kw) as (C', C, K, kh, kw): repeated K times and divided by K."""
    return weight.unsqueeze(2).repeat(1, 1, kernel, 1, 1) / kernel


def _same_channels(weight: Tensor, own: Tensor) -> bool:
    """Whether two kernels have the same channels, or the first takes colours, which are adapted afterwards."""
    return own.shape[0] == weight.shape[0] and weight.shape[1] in (own.shape[1], COLOURS)


def inflate_state(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Inflate the 2-D kernels (C', C, kh, kw) of an image network's state dict where the network to load into has 3-D
    ones (C', C, K, kh, kw). ``own`` is its state dict.
    """
    return {
        key: inflate_kernel(value, own[key].shape[2])
        if key in own and value.ndim == 4 and own[key].ndim == 5 and _same_channels(value, own[key])
        else value
        for key, value in state.items()
    }
