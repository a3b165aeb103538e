"""Temporal shift in the residual branches of an image network (TSM: Lin, Gan and Han, ICCV 2019)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ....errors import InputError
from .clip_length import ClipLength


class TemporalShift:
    """A forward pre-hook that shifts channels between neighbouring frames. The names of the weights do not change.

    The first ``fold`` channels come from the next frame, the second ``fold`` channels from the previous frame. Zeros
    come in at the ends of a clip, as in TSM.

    Args:
        fraction: Share of the channels that move. One half moves in each direction.
        channel_dim: Dimension of the channels in the frames (B * T, ...).
        length: Number of frames per clip.
    """

    def __init__(self, fraction: float, channel_dim: int, length: ClipLength) -> None:
        self.fraction = fraction
        self.channel_dim = channel_dim
        self.length = length

    def __call__(self, layer: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Replace the layer's first input by the shifted one."""
        return (shift_channels(args[0], self.length.frames, self.fraction, self.channel_dim), *args[1:])


def shift_channels(x: Tensor, frames: int, fraction: float, channel_dim: int = 1) -> Tensor:
    """Shift a share of the channels of ``frames`` T in time, in the frames of clips in a row, (B * T, ...)."""
    width = x.shape[channel_dim]
    fold = int(width * fraction / 2 + 1e-6)  # channels in each direction; TSM rounds down
    if fold == 0:
        return x
    clips = x.unflatten(0, (-1, frames))  # (B, T, ...)
    earlier, later, still = clips.split([fold, fold, width - 2 * fold], channel_dim + 1)
    earlier = torch.cat([earlier[:, 1:], torch.zeros_like(earlier[:, :1])], 1)
    later = torch.cat([torch.zeros_like(later[:, :1]), later[:, :-1]], 1)
    return torch.cat([earlier, later, still], channel_dim + 1).flatten(0, 1)


def add_shift(network: nn.Module, blocks: list[tuple[nn.Module, int]], fraction: float, length: ClipLength) -> None:
    """Shift the input of each residual branch.

    Args:
        network: Image network. It is changed in place.
        blocks: First layer of each residual branch, and the dimension of its channels. See ``residual_branches``.
        fraction: Share of the channels that move, in [0, 1]. TSM moves 1/4. With 0 nothing changes.
        length: Number of frames per clip.

    Raises:
        InputError: If the fraction is outside [0, 1], or there is no residual branch.
    """
    if not 0 <= fraction <= 1:
        raise InputError(f'model.backbone.shift_fraction={fraction}: expected a share from 0 to 1, e.g. 0.25')
    if not blocks:
        raise InputError(
            f"model.backbone.temporal='shift': timm's groups of layers show no residual blocks of {type(network).__name__}; "
            "take 'inflate' or 'none'"
        )
    if fraction > 0:
        for layer, channel_dim in blocks:
            layer.register_forward_pre_hook(TemporalShift(fraction, channel_dim, length))
