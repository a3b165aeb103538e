"""Checkpoints to publish: the weights and their history, without optimizer states and local paths."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..checkpoint_files import read_checkpoint
from ..choices import PUBLISHED_PARTS
from ..errors import InputError, check_choice
from ..files import check_writable, write_whole
from ..functional.transfer import TRAINING_PARTS, check_finite, check_tensors, plain_keys
from ..version import __version__
from .weights_file import weights_content

# Of a checkpoint's meta, what says where the weights come from; machine and user stay out.
_META = (
    'epoch',
    'iter',
    'seed',
    'cfg',
    'training',
    'experiment_name',
    'mmengine_version',
    'init_history',
    'dataset_meta',
)
_ROOT = r'(?:file://)?/|[A-Za-z]:[/\\]'
_ABSOLUTE = re.compile(rf"""(['"])((?:{_ROOT})(?:(?!\1).)*)\1""")


def publish_model(source: str | Path, target: str | Path, *, part: str = 'backbone', config: bool = True) -> Path:
    """Write a checkpoint for others and name it by its content.

    Args:
        source: Checkpoint of a training.
        target: ``folder/name.pth``. The written file is ``folder/name-<first 8 digits of its SHA-256>.pth``, because
            torch hub and MMEngine check a file by this form of name.
        part: 'backbone' keeps ``backbone.*``, from which the next phase starts. 'teacher' keeps the backbone of the EMA
            copy, under the name ``backbone.*``. 'model' keeps everything except the queues and the teachers.
        config: Keep the text of the config. The folders of absolute paths are cut off.

    Returns:
        Path of the written file.

    Raises:
        InputError: If the source is not a checkpoint or does not have this part, or the target cannot be written.
    """
    check_choice('part', part, PUBLISHED_PARTS)
    if Path(target).suffix != '.pth':
        raise InputError(f'{target}: expected a name that ends in .pth')
    target = check_writable(target)
    content = _read(str(source))
    state = published_state(content.get('state_dict', content), part, str(source))
    meta: Mapping[str, Any] = content['meta'] if isinstance(content.get('meta'), Mapping) else {}
    kept = {key: without_paths(meta[key]) for key in _META if key in meta and (config or key != 'cfg')}
    kept.update(part=part, auxskd_mm_version=__version__)
    data = weights_content(state, kept, str(target))
    digest = hashlib.sha256(data).hexdigest()
    return write_whole(target.with_name(f'{target.stem}-{digest[:8]}.pth'), data)


def published_state(state: Mapping[str, Any], part: str, name: str) -> dict[str, torch.Tensor]:
    """Return the tensors of a part, on the CPU and with no other storage.

    Raises:
        InputError: If the part has no tensors, or an entry is not a tensor or not finite.
    """
    plain = plain_keys(state)
    if part == 'model':
        chosen = {k: v for k, v in plain.items() if not k.startswith(TRAINING_PARTS)}
    else:
        prefix = 'backbone.' if part == 'backbone' else 'teacher.backbone.'
        chosen = {'backbone.' + k[len(prefix) :]: v for k, v in plain.items() if k.startswith(prefix)}
    if not chosen:
        examples = ', '.join(list(plain)[:3]) or 'no tensors'
        raise InputError(f'{name}: has no {part} to publish; its keys are {examples} ...')
    check_tensors(chosen, name)
    check_finite(chosen, name)
    return {key: value.detach().cpu().clone() for key, value in chosen.items()}


def _read(source: str) -> Mapping[str, Any]:
    content = read_checkpoint(source)
    if not isinstance(content, Mapping):
        raise InputError(f'{source}: holds a {type(content).__name__}, expected a checkpoint')
    return content


def without_paths(value: object) -> Any:
    """A value of plain data with absolute paths cut down to their last names."""
    if isinstance(value, Mapping):
        return {key: without_paths(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_paths(item) for item in value]
    if not isinstance(value, str):
        return value
    if '\n' not in value and re.match(_ROOT, value):
        return _last_name(value)
    return _ABSOLUTE.sub(lambda found: found[1] + _last_name(found[2]) + found[1], value)


def _last_name(path: str) -> str:
    return next((name for name in reversed(re.split(r'[/\\]', path)) if name), path)
