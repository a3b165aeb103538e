"""2-D kernels of image networks as 3-D kernels (I3D)."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from .input_channels import COLOURS


def inflate_kernel(weight: Tensor, kernel: int) -> Tensor:
    """A 2-D kernel (C', C, kh, kw) as (C', C, K, kh, kw): repeated K times and divided by K."""
    return weight.unsqueeze(2).repeat(1, 1, kernel, 1, 1) / kernel


def _same_channels(weight: Tensor, own: Tensor) -> bool:
    """Whether two kernels have the same channels, or the first takes colours, which are adapted afterwards."""
    return own.shape[0] == weight.shape[0] and weight.shape[1] in (own.shape[1], COLOURS)


def inflate_state(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Inflate the 2-D kernels of a checkpoint where the network has 3-D ones.

    Args:
        state: State dict of an image network.
        own: State dict of the network to load into.
    """
    return {
        key: inflate_kernel(value, own[key].shape[2])
        if key in own and value.ndim == 4 and own[key].ndim == 5 and _same_channels(value, own[key])
        else value
        for key, value in state.items()
    }
