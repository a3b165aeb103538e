"""Checkpoints of the Inception I3D: the public Kinetics weights, and PECoP's with adapters and heads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import InputError, examples
from ..functional.transfer import check_transfer
from ..models.backbones import I3DInception

_STEM = 'conv3d_1a_7x7.'
# The classifier over the classes of Kinetics. PECoP keeps it in its file and never calls it.
_CLASSIFIER = 'conv3d_0c_1x1.'
_HEADS = {'logits_p.conv3d.': 'cls_head.fc_speed.', 'logits_s.conv3d.': 'cls_head.fc_segment.'}
_ADAPTER = re.compile(r'(mixed_\w+)\.tuning_module\.(.+)')
_ADAPTER_PARTS = {
    'se': 'scale',
    'conv1.weight': 'down.weight',
    'conv1.bias': 'down.bias',
    'conv2.weight': 'up.weight',
    'conv2.bias': 'up.bias',
}


class ConvertedI3D(NamedTuple):
    """Result of :func:`convert_i3d`.

    Attributes:
        kind: 'pecop', or 'i3d' for the Kinetics weights alone.
        state_dict: Tensors under our names: ``backbone.*`` of :class:`I3DInception`, for 'pecop' also
            ``backbone.adapters.*`` of :class:`ConvAdapter` and ``cls_head.*`` of :class:`VSPPHead`.
        dropped: Keys that our networks do not have: the classifier of Kinetics.
    """

    kind: str
    state_dict: dict[str, Tensor]
    dropped: list[str]


def is_i3d(keys: Mapping[str, object]) -> bool:
    """Whether a state dict is that of an Inception I3D, with the ``model.`` of PECoP or without."""
    return any(key.removeprefix('model.').startswith(_STEM) for key in keys)


def convert_i3d(tensors: Mapping[str, Tensor], name: str) -> ConvertedI3D:
    """Rename the tensors of ``model_rgb.pth`` (hassony2/kinetics_i3d_pytorch) or of a PECoP checkpoint.

    Args:
        tensors: Original state dict without ``module.``.
        name: Name of the checkpoint in messages.

    Raises:
        InputError: If a tensor is missing, unknown or has another shape than in the original.

    Source: hassony2/kinetics_i3d_pytorch and Plrbear/PECoP @ af79e55.
    """
    kind = 'pecop' if any(key.startswith('model.') for key in tensors) else 'i3d'
    state: dict[str, Tensor] = {}
    dropped, unknown = [], []
    network = _shapes()
    for key, value in tensors.items():
        own = key.removeprefix('model.') if kind == 'pecop' else key
        adapter = _ADAPTER.fullmatch(own)
        head = next((prefix for prefix in _HEADS if key.startswith(prefix)), None)
        if own.startswith(_CLASSIFIER):
            dropped.append(key)
        elif own in network and (kind == 'i3d' or key != own):
            state[f'backbone.{own}'] = value
        elif kind == 'pecop' and adapter and adapter[2] in _ADAPTER_PARTS:
            state[f'backbone.adapters.{adapter[1]}.{_ADAPTER_PARTS[adapter[2]]}'] = value
        elif kind == 'pecop' and head:
            # A 1 x 1 x 1 convolution on positions is a linear layer on positions.
            state[_HEADS[head] + key[len(head) :]] = value.flatten(1) if value.ndim > 1 else value
        else:
            unknown.append(key)
    if unknown:
        raise InputError(f'{name}: {len(unknown)} tensors that {_ORIGIN[kind]} does not have, e.g. {examples(unknown)}')
    wanted = {f'backbone.{key}': value for key, value in network.items()} | (_extras() if kind == 'pecop' else {})
    check_transfer(wanted, state, ('',), name)
    return ConvertedI3D(kind, state, dropped)


_ORIGIN = dict(pecop='a PECoP checkpoint', i3d='the I3D of hassony2/kinetics_i3d_pytorch')


def _shapes() -> dict[str, Tensor]:
    """State dict of the network, without values."""
    with torch.device('meta'):
        return I3DInception().state_dict()


def _extras() -> dict[str, Tensor]:
    """State dict of PECoP's adapters and of the weights of its heads, without values, but the numbers of classes."""
    with torch.device('meta'):
        network = I3DInception()
    extras = {}
    for block, module in network.named_children():
        if not block.startswith('mixed_'):
            continue
        width = module.out_channels
        assert isinstance(width, int)
        hidden = width // 4
        sizes = dict(
            scale=(1, width, 1, 1, 1),
            down=(hidden, 4, 3, 3, 3),
            up=(width, hidden, 1, 1, 1),
        )
        for part in _ADAPTER_PARTS.values():
            layer, _, leaf = part.partition('.')
            size = sizes[layer][:1] if leaf == 'bias' else sizes[layer]
            extras[f'backbone.adapters.{block}.{part}'] = torch.empty(size, device='meta')
    return extras
