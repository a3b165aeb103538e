"""Stages and residual blocks of a timm network, from what timm says of its parameters."""

from __future__ import annotations

import copy
import functools
import os
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

# What timm calls the layers of the path around a branch.
_SHORTCUTS = ('identity', 'shortcut', 'downsample')


def stage_parameters(network: Any) -> list[list[str]]:
    """Names of the parameters in each stage: the stem first, then the stages, then what follows them.

    These are timm's groups for learning rates per layer (``group_matcher``). Each transformer block is a stage. A network
    for which timm has no groups has a stage per child, or per child of a child that numbers them (``stages.0``).
    """
    from timm.models import group_parameters

    if not hasattr(network, 'group_matcher'):
        stages: dict[tuple[str, ...], list[str]] = {}
        for name, _ in network.named_parameters():
            parts = tuple(name.split('.'))
            numbered = len(parts) > 1 and parts[1].isdigit()
            stages.setdefault(parts[: 1 + numbered], []).append(name)
        return list(stages.values())
    groups = group_parameters(network, network.group_matcher(coarse=True))
    return [groups[number] for number in sorted(groups)]


def whole_modules(network: nn.Module, parameters: Sequence[str]) -> list[str]:
    """Names of the largest modules of a network that own no parameter but these."""
    inside = set(parameters)
    found: list[str] = []
    for name, module in network.named_modules():
        own = [f'{name}.{key}' for key, _ in module.named_parameters()]
        if name and own and inside.issuperset(own) and not any(name.startswith(f'{outer}.') for outer in found):
            found.append(name)
    return found


def residual_branches(
    network: Any, frames: Tensor, run: Callable[[nn.Module, Tensor], object]
) -> list[tuple[nn.Module, int]]:
    """Find the first layer in the residual branch of each block.

    A block is residual if its output depends on its input when the input of its first layer is cut off. A copy of the
    network on the device 'meta' shows this without arithmetic.

    Args:
        network: timm network.
        frames: Input (1, 3, H, W) on the device 'meta' that the network takes.
        run: Function that runs the network on frames.

    Returns:
        For each residual block its first layer, and the dimension of the channels in that layer's input. None are found
        in a network for which timm names no blocks.
    """
    from timm.models import group_parameters

    if not hasattr(network, 'group_matcher'):
        return []
    copied = copy.deepcopy(network).to('meta').requires_grad_(False)
    groups = group_parameters(copied, copied.group_matcher(coarse=False))
    residual: dict[str, int] = {}
    for number in sorted(groups)[1:]:
        owners = [name.rpartition('.')[0].replace('.', '/') for name in groups[number]]
        block = os.path.commonpath(owners).replace('/', '.')
        layer = _first_layer(copied.get_submodule(block))
        if block and layer is not None:
            _watch(copied.get_submodule(block), f'{block}.{layer}', copied.get_submodule(f'{block}.{layer}'), residual)
    with torch.enable_grad():
        run(copied.eval(), frames)
    return [(network.get_submodule(name), dim if dim > 0 else _last(network)) for name, dim in residual.items()]


def _first_layer(block: nn.Module) -> str | None:
    """Name of the first layer with weights that is no shortcut."""
    weighing = (name for name, child in block.named_children() if any(True for _ in child.parameters()))
    return next((name for name in weighing if name not in _SHORTCUTS), None)


def _last(network: object) -> int:
    """Dimension of the channels in 4-D inputs of blocks."""
    return 3 if getattr(network, 'output_fmt', 'NCHW') == 'NHWC' else 1


def _watch(block: nn.Module, name: str, layer: nn.Module, residual: dict[str, int]) -> None:
    """Note ``name`` in ``residual`` when the block runs and has a path around its first layer."""
    block.register_forward_pre_hook(_start)
    layer.register_forward_pre_hook(functools.partial(_cut, name, residual))
    block.register_forward_hook(functools.partial(_check, name, residual))


def _start(block: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(arg.detach().requires_grad_() if isinstance(arg, Tensor) else arg for arg in args)


def _cut(name: str, residual: dict[str, int], layer: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
    if not isinstance(args[0], Tensor):  # DenseNet's layers take lists of maps, and add nothing to them
        return args
    residual[name] = 2 if args[0].ndim == 3 else -1  # tokens (N, L, C), or a map
    return (args[0].detach(), *args[1:])


def _check(name: str, residual: dict[str, int], block: nn.Module, args: tuple[Any, ...], out: object) -> None:
    if not getattr(out, 'requires_grad', False):
        residual.pop(name, None)
