"""Checkpoints of the original research code, under our names."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..errors import InputError
from .command_line import check_checkpoint

_STATE_KEYS = ('state_dict', 'model', 'model_state_dict')
_BACKBONE_ROOTS = (*(f'{kind}{i}' for kind in ('conv', 'bn') for i in range(1, 6)), 'conv_2', 'gating', 'mixed_')
# auxSKD's own layers -> ours; the longest prefix comes first.
_AUXSKD = {
    'encoder_q.linear.': 'neck.0.',
    'encoder_k.linear.': 'teacher.neck.0.',
    'encoder_q.': 'backbone.',
    'encoder_k.': 'teacher.backbone.',
    'predict_q_c.': 'predictor.',
    'queue_ptr': 'queue.pointer',
    'queue': 'queue.features',
}
_VSPP = {'linear_segment.': 'cls_head.fc_segment.', 'linear.': 'cls_head.fc_speed.', '': 'backbone.'}
_VIDEOPACE = {'linear.': 'cls_head.fc_pace.', 'fc.': 'cls_head.fc_pace.', '': 'backbone.'}
_VCOP = {'base_network.': 'backbone.', 'fc7.': 'cls_head.fc_pair.', 'fc8.': 'cls_head.fc_order.'}


class Converted(NamedTuple):
    """What :func:`convert_state_dict` found.

    Attributes:
        kind: 'auxskd', 'vspp', 'videopace' or 'vcop'.
        state_dict: Tensors under our names.
        dropped: Keys that have no place here.
    """

    kind: str
    state_dict: dict[str, Tensor]
    dropped: list[str]


def convert_state_dict(state: Mapping[str, Any], name: str = 'the checkpoint') -> Converted:
    """Rename the tensors of an original checkpoint.

    Keys may carry ``module.`` (DataParallel), at the start or behind ``encoder_q.``; that tells nothing about the
    network.

    Args:
        state: Original state dict of auxSKD, VSPP, VideoPace or VCOP.
        name: What to call it in messages.

    Raises:
        InputError: If it is none of them, or already converted.
    """
    tensors = {str(key).replace('module.', ''): value for key, value in state.items() if isinstance(value, Tensor)}
    kind = _kind(tensors, name)
    table = dict(auxskd=_AUXSKD, vspp=_VSPP, videopace=_VIDEOPACE, vcop=_VCOP)[kind]
    converted: dict[str, Tensor] = {}
    dropped = []
    for key, value in tensors.items():
        prefix = next((p for p in table if key.startswith(p)), None)
        new = None if prefix is None else table[prefix] + key[len(prefix) :]
        if new is None or (new.startswith(('backbone.', 'teacher.backbone.')) and not _is_backbone(new)):
            dropped.append(key)
            continue
        converted[new] = value.reshape(()) if new == 'queue.pointer' else value
    if kind == 'auxskd' and 'queue.features' in converted:
        # The original does not say how old its anchors are; after any full epoch all of them are real.
        size = len(converted['queue.features'])
        converted['queue.age'] = torch.zeros(size, dtype=torch.int32)
        converted['queue.filled'] = torch.tensor(size)
    return Converted(kind, converted, dropped)


def _is_backbone(key: str) -> bool:
    return key.split('backbone.', 1)[1].startswith(_BACKBONE_ROOTS)


def _kind(tensors: Mapping[str, Tensor], name: str) -> str:
    keys = list(tensors)
    if any(key.startswith('backbone.') for key in keys):
        raise InputError(f'{name}: its keys start with backbone. already; it needs no conversion')
    if any(key.startswith('encoder_q.') for key in keys):
        if any(key.startswith('predict_q_c.') for key in keys):
            return 'auxskd'
        raise InputError(
            f'{name}: has encoder_q. but not the predict_q_c. of auxSKD; other methods of that kind are not known'
        )
    if any(key.startswith('base_network.') for key in keys):
        return 'vcop'
    if any(key.startswith(('conv1.', 'conv_2b.')) for key in keys):
        return 'vspp' if 'linear_segment.weight' in tensors else 'videopace'
    shown = ', '.join(keys[:3]) or 'no tensors'
    raise InputError(
        f'{name}: not a checkpoint of auxSKD, VSPP, VideoPace or VCOP; expected keys with encoder_q., base_network. or '
        f'conv1., found {shown}'
    )


def load_original(path: str | Path) -> dict[str, Any]:
    """State dict of an original checkpoint file, read without running anything that it may hold.

    Args:
        path: File written by the original code: a bare state dict, or a dict that holds one.

    Raises:
        InputError: If the file is missing, damaged, or asks for code to be run.
    """
    check_checkpoint(str(path))
    # auxSKD puts its argparse options beside the weights: a plain record, safe to let through.
    torch.serialization.add_safe_globals([argparse.Namespace])
    try:
        content = torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:
        if asked := re.search(r'GLOBAL (\S+)', str(error)):
            raise InputError(
                f'{path}: refused, because it holds {asked[1]} beside tensors and loading that could run code; where '
                'you trust it, save its state_dict alone'
            ) from None
        raise InputError(f'{path}: not a checkpoint of torch, or damaged ({type(error).__name__})') from None
    if isinstance(content, dict):
        for key in _STATE_KEYS:
            if isinstance(content.get(key), dict):
                return content[key]
        return content
    raise InputError(f'{path}: holds a {type(content).__name__}, expected a dict of tensors')


def convert_checkpoint(source: str | Path, target: str | Path) -> Converted:
    """Convert a file; the target is written whole or not at all.

    Args:
        source: Original checkpoint.
        target: File to write, ``dict(state_dict=..., meta=...)``, for ``load_from``.

    Raises:
        InputError: See :func:`load_original` and :func:`convert_state_dict`.
    """
    result = convert_state_dict(load_original(source), str(source))
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(target.name + '.tmp')
    meta = dict(converted_from=result.kind, source=Path(source).name)
    torch.save(dict(state_dict=result.state_dict, meta=meta), temporary)
    os.replace(temporary, target)
    return result
