"""Checks before a run starts, for faults that would end it later with a traceback."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import get_world_size
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIMIZERS
from mmengine.runner import Runner

from ..checkpoint_files import find_checkpoint, read_checkpoint
from ..errors import InputError
from ..records.provenance import training_of
from ..registry import type_name
from ..unwrap import built_optim_wrapper, unwrap

# Settings that an optimizer's step reads from its groups, and that no other kind of optimizer writes there.
_SETTINGS = frozenset(('betas', 'momentum', 'alpha', 'rho', 'lr_decay', 'lambd', 'etas', 'step_sizes', 'max_iter'))


def check_work_dir(config: Config) -> None:
    """Refuse a work dir that cannot be written to.

    Raises:
        InputError: With the reason.
    """
    folder = config.get('work_dir')
    if folder is None:
        return
    try:
        os.makedirs(folder, exist_ok=True)
        writable = os.access(folder, os.W_OK | os.X_OK)
        reason = 'no permission'
    except OSError as error:
        writable, reason = False, str(error.strerror)
    if not writable:
        raise InputError(f'{folder}: the work dir cannot be written to ({reason}); name another with --work-dir')


def check_not_replaced(config: Config) -> None:
    """Refuse a training whose checkpoints would overwrite its starting checkpoint.

    Raises:
        InputError: If ``load_from`` is a regular checkpoint in the work dir, and the run does not resume it.
    """
    load_from, folder = config.get('load_from'), config.get('work_dir')
    if config.get('resume') or not load_from or folder is None or not Path(load_from).is_file():
        return
    path = Path(load_from)
    if path.resolve().parent == Path(folder).resolve() and path.name.startswith(('epoch_', 'iter_')):
        raise InputError(
            f'{path}: the run would start from it and write over it; give the run another --work-dir, or go on with '
            'that training by --resume'
        )


def check_load_from(config: Config) -> Any:
    """Resolve and read the checkpoint that a run starts or resumes from.

    Args:
        config: Config of a Runner. If ``load_from`` is a folder, it is replaced by a file.

    Returns:
        The checkpoint with its tensors mapped into memory. None if the run starts without a checkpoint.

    Raises:
        InputError: See :func:`find_checkpoint` and :func:`read_checkpoint`. Also if the file holds no dict of tensors.
    """
    path = config.get('load_from')
    if path is None:
        return None
    config.load_from = path = find_checkpoint(str(path))
    content = read_checkpoint(path)
    if not isinstance(content, Mapping):
        raise InputError(f'{path}: holds a {type(content).__name__}, expected a checkpoint with a state_dict')
    if config.get('resume'):
        _check_resumable(path, content)
    return content


def _check_resumable(path: str, content: Mapping[str, Any]) -> None:
    meta = content.get('meta')
    position = isinstance(meta, Mapping) and all(isinstance(meta.get(key), int) for key in ('epoch', 'iter'))
    missing = [key for key in ('state_dict', 'optimizer') if not isinstance(content.get(key), Mapping)]
    if missing or not position:
        lacks = ', '.join([*missing, *([] if position else ['meta with epoch and iter'])])
        raise InputError(
            f'{path}: cannot be resumed from, since it holds weights without a training (no {lacks}); start a training '
            'from its weights with --cfg-options load_from=' + path
        )


def check_resume(runner: Runner, checkpoint: object) -> None:
    """Refuse to resume a runner's built model from a checkpoint of another model or optimizer. MMEngine would continue
    with random tensors.

    Raises:
        InputError: If the checkpoint differs. The message names the difference.
    """
    if not runner._resume or not isinstance(checkpoint, Mapping) or runner.cfg.get('train_cfg') is None:
        return
    path = str(runner._load_from)
    model = unwrap(runner.model)
    saved = {str(key).removeprefix('module.'): value for key, value in checkpoint['state_dict'].items()}
    own = dict(model.named_parameters())
    missing = [name for name in own if name not in saved]
    shapes = [name for name in own if name in saved and tuple(saved[name].shape) != tuple(own[name].shape)]
    if missing or shapes:
        what = (
            f'{len(missing)} of the {len(own)} parameters are not in it, e.g. {missing[0]}'
            if missing
            else f'{shapes[0]} is {tuple(saved[shapes[0]].shape)} in it and {tuple(own[shapes[0]].shape)} in the model'
        )
        raise InputError(
            f'{path}: cannot be resumed from, since it is of another model ({what}); resume with the config that it was '
            'trained with, or start anew from its weights with load_from'
        )
    _check_optimizer(runner, path, checkpoint)


def _check_optimizer(runner: Runner, path: str, checkpoint: Mapping[str, Any]) -> None:
    settings = runner.cfg.get('optim_wrapper') or {}
    optimizer = settings.get('optimizer') if isinstance(settings, Mapping) else None
    kind = type_name(optimizer.get('type')) if isinstance(optimizer, Mapping) else ''
    theirs = (training_of(checkpoint['meta']) or {}).get('optimizer')
    if kind and isinstance(theirs, str) and theirs not in ('', kind):
        raise InputError(_other_optimizer(path, f'{theirs} there, {kind} here'))
    saved = checkpoint['optimizer'].get('param_groups')
    if not isinstance(saved, list) or get_world_size() > 1 or kind == 'ZeroRedundancyOptimizer':
        return
    wrapper = runner.build_optim_wrapper(copy.deepcopy(built_optim_wrapper(runner)))
    if not isinstance(wrapper, OptimWrapper):
        return
    sizes = [[len(group['params']) for group in groups] for groups in (saved, wrapper.param_groups)]
    if sizes[0] != sizes[1]:
        groups = ' and '.join(
            f'{len(size)} groups of {sum(size)} parameters {where}' for size, where in zip(sizes, ('there', 'here'))
        )
        raise InputError(_other_optimizer(path, groups))
    lacks = sorted((set(wrapper.param_groups[0]) & _SETTINGS) - set(saved[0])) if saved else []
    if lacks:
        raise InputError(_other_optimizer(path, f'its groups have no {", ".join(lacks)}'))


def _other_optimizer(path: str, what: str) -> str:
    return (
        f'{path}: cannot be resumed from, since it is of another optimizer ({what}); resume with the optim_wrapper that '
        'it was trained with, or start anew from its weights with load_from'
    )


def check_optimizer_type(config: Config) -> None:
    """Refuse an unknown optimizer. MMEngine does not notice that the name is not registered.

    Raises:
        InputError: If the type is unknown.
    """
    optimizer = (config.get('optim_wrapper') or {}).get('optimizer')
    kind = optimizer.get('type') if isinstance(optimizer, dict) else None
    if not isinstance(kind, str):
        return
    with OPTIMIZERS.switch_scope_and_registry(config.get('default_scope')) as registry:
        if registry.get(kind) is None:
            raise InputError(f"optim_wrapper.optimizer.type='{kind}': unknown; expected one such as 'SGD' or 'AdamW'")
