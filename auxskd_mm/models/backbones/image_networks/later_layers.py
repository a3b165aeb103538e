"""The layers of a timm network behind one of its maps: a network on stored feature maps."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ....errors import InputError
from .trunk import maps_of

if TYPE_CHECKING:
    from .trunk import TimmNetwork

_CLOSE = 1e-4  # of the largest value; the two ways differ by rounding alone


def keep_later_layers(trunk: TimmNetwork, index: int, model: str) -> int:
    """Make a network take its own map ``index`` instead of frames, in place.

    Every layer up to that map becomes the identity. Its tensors are gone; those of the later layers keep their names.
    The result is compared with the whole network on random values, because not every network computes its maps one
    after the other. (On the device 'meta', which has no values, only the shapes are.)

    Args:
        trunk: timm network without a classifier. ``frame_channels`` and ``frame_size`` become those of the map.
        index: Number of the map in timm's ``feature_info``.
        model: Name of the network, for messages.

    Returns:
        ``index``, counted from 0.

    Raises:
        InputError: If the network has no such map, or its later layers need more than this map.
    """
    names = [info.get('module') for info in getattr(trunk, 'feature_info', [])]
    if not -len(names) <= index < len(names) or not names[index]:
        raise InputError(f"model.backbone.in_index={index}: '{model}' has maps 0 to {len(names) - 1}")
    reference, frames = copy.deepcopy(trunk).eval(), _random_frames(trunk)
    try:
        done, stored = _finished_modules(reference, str(names[index]), frames)
        for name in done:
            _set(trunk, name, nn.Identity())
        if getattr(trunk, 'output_fmt', 'NCHW') == 'NHWC':  # inside; maps and stores are (N, C, h, w)
            stored = stored.permute(0, 3, 1, 2)
            _set(trunk, done[0], _ChannelsLast())
        trunk.frame_channels, trunk.frame_size = stored.shape[1], (stored.shape[2], stored.shape[3])
        was_training = trunk.training
        with torch.no_grad():
            found = trunk.eval().forward_features(stored)
            wanted = reference.forward_features(frames)
        trunk.train(was_training)
        same = found.shape == wanted.shape
        if same and not found.is_meta:
            same = bool((found - wanted).abs().max() <= _CLOSE * wanted.abs().max())
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError, AssertionError):
        same = False
    if not same:
        raise InputError(
            f"model.backbone.in_index={index}: the later layers of '{model}' need more than this one map; take another "
            'index or network, or train on frames'
        )
    return index % len(names)


class _ChannelsLast(nn.Module):
    """A map (N, C, h, w) as (N, h, w, C)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(0, 2, 3, 1)


def _random_frames(trunk: TimmNetwork) -> Tensor:
    """A frame (1, 3, H, W) of random values."""
    shape = (1, trunk.frame_channels, *trunk.frame_size)
    values = torch.randn(shape, generator=torch.Generator().manual_seed(0), device='cpu')
    return values.to(next(trunk.parameters()).device)


def _finished_modules(network: TimmNetwork, last: str, frames: Tensor) -> tuple[list[str], Tensor]:
    """The largest modules that have run before a module ends, with that module, and its output."""
    order: list[str] = []
    maps: dict[str, Tensor] = {}

    def note(name: str) -> Any:
        def hook(module: nn.Module, args: tuple, out: Any) -> None:
            if not maps:
                order.append(name)
                if name == last:
                    maps[name] = out

        return hook

    handles = [module.register_forward_hook(note(name)) for name, module in network.named_modules() if name]
    try:
        with torch.no_grad():
            maps_of(network, frames, None, False)
    finally:
        for handle in handles:
            handle.remove()
    largest = [name for name in order if not any(name.startswith(f'{other}.') for other in order)]
    return largest, maps[last]


def _set(network: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, child = name.rpartition('.')
    setattr(network.get_submodule(parent), child, module)
