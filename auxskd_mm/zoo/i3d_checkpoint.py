"""Checkpoints of the Inception I3D: the public Kinetics weights, and PECoP's with adapters and heads."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ..errors import InputError, examples
from ..functional.public_weights.inception_i3d import ADAPTERS_TO_OURS, CLASSIFIER, STEM
from ..functional.public_weights.naming import rename_key
from ..functional.transfer import check_transfer
from ..models.adapters import ConvAdapter
from ..models.backbones.i3d import I3DBlock, I3DInception
from ..models.heads import VSPPHead

_HEADS = {'logits_p.conv3d.': 'cls_head.fc_speed.', 'logits_s.conv3d.': 'cls_head.fc_segment.'}
_ORIGIN = dict(pecop='a PECoP checkpoint', i3d='the I3D of hassony2/kinetics_i3d_pytorch')


def is_i3d(keys: Mapping[str, object]) -> bool:
    """Whether a state dict is that of an Inception I3D, with the ``model.`` of PECoP or without."""
    return any(key.removeprefix('model.').startswith(STEM) for key in keys)


def convert_i3d(tensors: Mapping[str, Tensor], name: str) -> tuple[str, dict[str, Tensor], list[str]]:
    """Rename the tensors of ``model_rgb.pth`` (hassony2/kinetics_i3d_pytorch) or of a PECoP checkpoint.

    Args:
        tensors: Original state dict without ``module.``.
        name: Name of the checkpoint in messages.

    Returns:
        'pecop', or 'i3d' for the Kinetics weights alone. The tensors under our names: ``backbone.*`` of
        :class:`I3DInception`, for 'pecop' also ``backbone.adapters.*`` of :class:`ConvAdapter` and ``cls_head.*`` of
        :class:`VSPPHead`. And the keys that our networks do not have: the classifier of Kinetics.

    Raises:
        InputError: If a tensor is missing, unknown or has another shape than in the original.

    Source: hassony2/kinetics_i3d_pytorch and Plrbear/PECoP @ af79e55.
    """
    kind = 'pecop' if any(key.startswith('model.') for key in tensors) else 'i3d'
    wanted = _wanted(kind, tensors)
    state: dict[str, Tensor] = {}
    dropped, unknown = [], []
    for key, value in tensors.items():
        new = _pecop_name(key) if kind == 'pecop' else f'backbone.{key}'
        if new in wanted:
            # A 1 x 1 x 1 convolution on positions is a linear layer on positions.
            state[new] = value.flatten(1) if new.startswith('cls_head.') and value.ndim > 1 else value
        elif new.startswith(f'backbone.{CLASSIFIER}'):
            dropped.append(key)
        else:
            unknown.append(key)
    if unknown:
        raise InputError(f'{name}: {len(unknown)} tensors that {_ORIGIN[kind]} does not have, e.g. {examples(unknown)}')
    check_transfer(wanted, state, ('',), name)
    return kind, state, dropped


def _pecop_name(key: str) -> str:
    """Our name of a tensor of a PECoP checkpoint, '' if it has none."""
    for prefix, ours in _HEADS.items():
        if key.startswith(prefix):
            return ours + key[len(prefix) :]
    if not key.startswith('model.'):
        return ''
    return f'backbone.{rename_key(key.removeprefix("model."), ADAPTERS_TO_OURS)}'


def _wanted(kind: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """State dict of our networks without values. The numbers of classes are those of the file."""
    with torch.device('meta'):
        network = I3DInception()
        parts: dict[str, nn.Module] = {'backbone': network}
        if kind == 'pecop':
            for block, module in network.named_children():
                if isinstance(module, I3DBlock):
                    parts[f'backbone.adapters.{block}'] = ConvAdapter(module.out_channels)
            speeds, segments = (len(tensors.get(f'{head}bias', [0])) for head in _HEADS)
            parts['cls_head'] = VSPPHead(network.out_channels, speeds, segments)
    return {f'{part}.{key}': value for part, module in parts.items() for key, value in module.state_dict().items()}
