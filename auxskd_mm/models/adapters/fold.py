"""Fold adapters into the network where the mathematics allows it."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from ...errors import InputError
from ...functional.adapter_state import BANK
from .add_adapters import AdapterBank
from .kinds import Adapter, ConvAdapter, MLPAdapter


@torch.no_grad()
def fold_scales(backbone: nn.Module) -> list[str]:
    """Multiply the scale of each adapter into its last layer, and remove the scale. Outputs change by rounding alone.

    The config of the result has ``scale=False`` for its adapters.

    Args:
        backbone: Backbone with adapters. It is changed in place.

    Returns:
        Names of the modules with such adapters.
    """
    folded = []
    for name, adapter in _followed(backbone).items():
        if adapter.scale is None:
            continue
        factor = adapter.scale.flatten()
        up = adapter.up
        up.weight.mul_(factor.reshape(-1, *[1] * (up.weight.ndim - 1)))
        up.bias.mul_(factor)
        adapter.scale = None
        folded.append(name)
    return folded


@torch.no_grad()
def fold_into_layers(backbone: nn.Module) -> list[str]:
    """Fold linear adapters into the convolutions or linear layers that they follow, and remove them.

    An adapter ``x + S (U (D x + d) + u)`` behind ``W y + b`` is one layer with the weight ``(I + S U D) W`` and the bias
    ``(I + S U D) b + S (U d + u)``. This needs an adapter without activation that looks at one position, i.e.
    ``MLPAdapter(activation=None)`` or ``ConvAdapter(kernel_size=1, activation=None)``, behind a layer without groups.

    Args:
        backbone: Backbone with adapters. It is changed in place, and has none afterwards.

    Returns:
        Names of the layers.

    Raises:
        InputError: If one of the adapters cannot be folded. The backbone is unchanged then.
    """
    followed = _followed(backbone)
    for name, adapter in followed.items():
        reason = _obstacle(adapter, backbone.get_submodule(name))
        if reason:
            raise InputError(f"adapters: the adapter behind '{name}' cannot be folded into it: {reason}")
    for name, adapter in followed.items():
        _fold(adapter, backbone.get_submodule(name))
        hooks = backbone.get_submodule(name)._forward_hooks
        for key in [key for key, hook in hooks.items() if hook == adapter.behind]:
            del hooks[key]
    bank = backbone.get_submodule(BANK)
    for key in [key for key, hook in backbone._forward_pre_hooks.items() if getattr(hook, '__self__', None) is bank]:
        del backbone._forward_pre_hooks[key]
    delattr(backbone, BANK)
    return list(followed)


def _followed(backbone: nn.Module) -> dict[str, Adapter]:
    """Adapters by the names of the modules that they follow."""
    bank = getattr(backbone, BANK, None)
    if not isinstance(bank, AdapterBank):
        raise InputError(f'adapters: {type(backbone).__name__} has none')
    return {
        name: adapter
        for name, module in backbone.named_modules()
        for hook in module._forward_hooks.values()
        if isinstance(adapter := getattr(hook, '__self__', None), Adapter)
    }


def _obstacle(adapter: Adapter, layer: nn.Module) -> str:
    """Why an adapter cannot be folded, or ''."""
    if not adapter.linear:
        return f'it has an activation ({type(adapter.activation).__name__})'
    point = isinstance(adapter, ConvAdapter) and set(adapter.down.kernel_size) == {1}
    if not isinstance(adapter, MLPAdapter) and not point:
        return 'it looks at more than one position'
    if not isinstance(layer, (nn.Linear, _ConvNd)) or getattr(layer, 'transposed', False):
        return f'{type(layer).__name__} is neither a convolution nor a linear layer'
    if getattr(layer, 'groups', 1) != 1:
        return 'the convolution has groups'
    return '' if _is_linear_in_weight(layer) else f'{type(layer).__name__} computes with other weights than it stores'


def _is_linear_in_weight(layer: Any) -> bool:
    """Whether a stored weight that is mixed over its outputs mixes the layer's outputs alike.

    Weight standardisation and parametrisations compute the weight anew in each forward pass.
    """
    if 'weight' not in layer._parameters:
        return False
    spatial = [
        (size - 1) * step + 1 for size, step in zip(getattr(layer, 'kernel_size', ()), getattr(layer, 'dilation', ()))
    ]
    generator = torch.Generator().manual_seed(0)
    plain = copy.deepcopy(layer).to('cpu', torch.float64)
    kept = plain.weight.detach().clone()
    if plain.bias is not None:
        plain.bias.zero_()
    x = torch.randn(1, kept.shape[1], *spatial, generator=generator, dtype=torch.float64)
    matrix = torch.randn(len(kept), len(kept), generator=generator, dtype=torch.float64)
    wanted = (type(plain).forward(plain, x).movedim(1, -1) @ matrix.T).movedim(-1, 1)  # without the hooks of adapters
    plain.weight.copy_((matrix @ kept.flatten(1)).reshape(kept.shape))
    return torch.allclose(type(plain).forward(plain, x), wanted, rtol=1e-6, atol=1e-9 * float(wanted.abs().max()))


def _fold(adapter: Adapter, layer: Any) -> None:
    weight = layer.weight.double()
    matrix, shift = _as_matrix(adapter)
    folded = (matrix @ weight.flatten(1)).reshape(weight.shape)
    bias = shift if layer.bias is None else matrix @ layer.bias.double() + shift
    layer.weight.copy_(folded)
    if layer.bias is None:
        layer.bias = nn.Parameter(bias.to(layer.weight.dtype))
    else:
        layer.bias.copy_(bias)


def _as_matrix(adapter: Adapter) -> tuple[Tensor, Tensor]:
    """A linear adapter of one position as ``matrix @ x + shift``: (C, C) and (C,), float64."""
    width = adapter.channels
    up, down = adapter.up, adapter.down
    u = up.weight.double().flatten(1)  # (C, hidden)
    d = torch.zeros(adapter.hidden_channels, width, dtype=torch.float64, device=u.device)
    groups = getattr(down, 'groups', 1)
    rows, columns = adapter.hidden_channels // groups, width // groups
    for group in range(groups):
        block = down.weight.double().flatten(1)[group * rows : (group + 1) * rows]
        d[group * rows : (group + 1) * rows, group * columns : (group + 1) * columns] = block
    s = torch.ones(width, dtype=torch.float64, device=u.device)
    s = s if adapter.scale is None else adapter.scale.double().flatten()
    matrix = torch.eye(width, dtype=torch.float64, device=u.device) + s[:, None] * (u @ d)
    shift = s * (u @ down.bias.double() + up.bias.double())
    return matrix, shift
