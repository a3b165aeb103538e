"""Checkpoints of the original research code, under our names."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from ..checkpoint_files import read_checkpoint
from ..errors import InputError
from ..files import write_whole
from ..functional.public_weights.known import PLAIN_TO_MMACTION
from ..functional.public_weights.naming import rename_key
from ..functional.transfer import check_finite, check_tensors
from .i3d_checkpoint import convert_i3d, is_i3d
from .weights_file import weights_content

_STATE_KEYS = ('state_dict', 'model', 'model_state_dict')
_BACKBONE_ROOTS = (
    *(f'{kind}{i}' for kind in ('conv', 'bn') for i in range(1, 6)),
    'conv_2',
    'gating',
    'mixed_',
    'layer',
)
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
# Projections start with a pooling and a flattening layer; 'mlp' ones have a second linear layer at 4. The convolutional
# ones name their layers, and 'conv' has no bn.
_RSPNET = {
    f'{theirs}.{layer}': f'{ours}{place}'
    for theirs, ours in (('encoder_q', ''), ('encoder_k', 'teacher.'))
    for layer, place in (
        ('fc1.2.', 'head_a.projector.0.'),
        ('fc1.4.', 'head_a.projector.2.'),
        ('fc2.2.', 'head_m.projector.0.'),
        ('fc2.4.', 'head_m.projector.2.'),
        *(
            (f'{layer}.{part}.', f'{head}.{place}.')
            for layer, head in (('fc1', 'head_a'), ('fc2', 'head_m'))
            for part, place in (
                ('conv1', 'convs.0'),
                ('bn', 'convs.1'),
                ('conv2', 'convs.2'),
                ('linear', 'projector.0'),
            )
        ),
        ('encoder.', 'backbone.'),
    )
} | {'queue_ptr': 'queue.pointer', 'queue': 'queue.features'}
_TABLES = dict(auxskd=_AUXSKD, vspp=_VSPP, videopace=_VIDEOPACE, vcop=_VCOP, rspnet=_RSPNET)


class Converted(NamedTuple):
    """Result of :func:`convert_state_dict`.

    Attributes:
        kind: 'auxskd', 'vspp', 'videopace', 'vcop', 'rspnet', 'pecop' or 'i3d' (its Kinetics weights).
        state_dict: Tensors under our names.
        dropped: Keys that our networks do not have.
    """

    kind: str
    state_dict: dict[str, Tensor]
    dropped: list[str]


def convert_state_dict(state: Mapping[str, Any], name: str = 'the checkpoint') -> Converted:
    """Rename the tensors of an original checkpoint.

    Keys may carry ``module.`` (DataParallel), at the start or after ``encoder_q.``. The prefix says nothing about the
    network. RSPNet's ``resnet18`` becomes a :class:`ResNet3dHara`. Its ``c3d`` and ``r2plus1d-vcop`` become the networks
    of VideoPace. RSPNet has its own S3D-G, which this package does not have.

    Args:
        state: Original state dict of auxSKD, VSPP, VideoPace, VCOP, RSPNet, PECoP, or the Kinetics weights that PECoP
            starts from.
        name: Name of the checkpoint in messages.

    Raises:
        InputError: If the state dict comes from no such network, is already converted, or holds NumPy arrays or values
            that are not finite.
    """
    arrays = {key: value for key, value in state.items() if isinstance(value, (Tensor, np.ndarray))}
    check_tensors(arrays, name)
    check_finite(arrays, name)
    # Not the end of another word: PECoP's adapters are called tuning_module.
    tensors = {re.sub(r'(^|(?<=\.))module\.', '', str(key)): cast(Tensor, value) for key, value in arrays.items()}
    if is_i3d(tensors):
        return Converted(*convert_i3d(tensors, name))
    kind = _kind(tensors, name)
    table = _TABLES[kind]
    hara = kind == 'rspnet' and any('.layer1.' in key for key in tensors)
    converted: dict[str, Tensor] = {}
    dropped = []
    for key, value in tensors.items():
        prefix = next((p for p in table if key.startswith(p)), None)
        new = None if prefix is None else table[prefix] + key[len(prefix) :]
        if new is None or (new.startswith(('backbone.', 'teacher.backbone.')) and not _is_backbone(new)):
            dropped.append(key)
            continue
        converted[_hara_name(new) if hara else new] = value
    if 'queue.features' in converted:
        if 'queue.pointer' not in converted:
            raise InputError(
                f'{name}: has a queue without its queue_ptr, so parts of it are lost; take a whole checkpoint'
            )
        _complete_queue(converted, columns=kind == 'rspnet')
    return Converted(kind, converted, dropped)


def _complete_queue(converted: dict[str, Tensor], columns: bool) -> None:
    """Give a queue the form and the fields of :class:`FeatureQueue`; with ``columns`` a key is a column."""
    if columns:
        converted['queue.features'] = converted['queue.features'].T.contiguous()
    # The originals do not say how old their anchors are; after any full epoch all of them are real.
    size = len(converted['queue.features'])
    converted['queue.pointer'] = converted['queue.pointer'].reshape(())
    converted['queue.age'] = torch.zeros(size, dtype=torch.int32)
    converted['queue.filled'] = torch.tensor(size)


def _hara_name(key: str) -> str:
    """Rename a backbone's key of RSPNet's ``resnet18`` to MMAction2's name. Other keys do not change."""
    front, mark, name = key.partition('backbone.')
    if mark:
        name = rename_key(name, PLAIN_TO_MMACTION)
    return front + mark + name


def _is_backbone(key: str) -> bool:
    return key.split('backbone.', 1)[1].startswith(_BACKBONE_ROOTS)


def _kind(tensors: Mapping[str, Tensor], name: str) -> str:
    keys = list(tensors)
    if any(key.startswith('backbone.') for key in keys):
        raise InputError(f'{name}: its keys start with backbone. already; it needs no conversion')
    if any(key.startswith('encoder_q.') for key in keys):
        if any(key.startswith('encoder_q.encoder.feature.') for key in keys):
            raise InputError(f"{name}: RSPNet's S3D-G is another network than the S3DG of VideoPace, and not supported")
        if any(key.startswith('encoder_q.encoder.') for key in keys):
            return 'rspnet'
        if any(key.startswith('predict_q_c.') for key in keys):
            return 'auxskd'
        raise InputError(
            f'{name}: has encoder_q. but not the predict_q_c. of auxSKD or the encoder_q.encoder. of RSPNet; other '
            'methods of that kind are not known'
        )
    if any(key.startswith('base_network.') for key in keys):
        return 'vcop'
    if any(key.startswith(('conv1.', 'conv_2b.')) for key in keys):
        return 'vspp' if 'linear_segment.weight' in tensors else 'videopace'
    shown = ', '.join(keys[:3]) or 'no tensors'
    raise InputError(
        f'{name}: not a checkpoint of auxSKD, VSPP, VideoPace, VCOP, RSPNet or PECoP; expected keys with encoder_q., '
        f'base_network., conv1. or conv3d_1a_7x7., found {shown}'
    )


def load_original(path: str | Path) -> dict[str, Any]:
    """Read the state dict of an original checkpoint file. No code in the file is run.

    Args:
        path: File of the original code: a bare state dict, or a dict that holds one.

    Raises:
        InputError: If the file is missing or damaged, or if loading it would run code.
    """
    # auxSKD puts its argparse options beside the weights: a plain record, safe to let through.
    torch.serialization.add_safe_globals([argparse.Namespace])
    content = read_checkpoint(path)
    if isinstance(content, dict):
        for key in _STATE_KEYS:
            if isinstance(content.get(key), dict):
                return content[key]
        return content
    raise InputError(f'{path}: holds a {type(content).__name__}, expected a dict of tensors')


def convert_checkpoint(source: str | Path, target: str | Path) -> Converted:
    """Convert a checkpoint file. The target is written whole or not at all.

    Args:
        source: Original checkpoint.
        target: File to write, ``dict(state_dict=..., meta=...)``, for ``load_from``.

    Raises:
        InputError: See :func:`load_original` and :func:`convert_state_dict`.
    """
    result = convert_state_dict(load_original(source), str(source))
    meta = dict(converted_from=result.kind, source=Path(source).name)
    write_whole(target, weights_content(result.state_dict, meta, str(target)))
    return result
