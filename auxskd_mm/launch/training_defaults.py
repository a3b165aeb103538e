"""Changes to the config of every run by our tools; changes.py describes them."""

from __future__ import annotations

import os
from typing import Any

import torch
from mmengine.config import Config
from mmengine.device import get_device

from ..choices import SPLITS
from ..config.loading.loaders import mend_loader
from ..registry import type_name

_LOOPS = {
    'EpochBasedTrainLoop': 'auxskd_mm.ResumableEpochTrainLoop',
    'IterBasedTrainLoop': 'auxskd_mm.ResumableIterTrainLoop',
}


def make_safe(config: Config) -> Config:
    """Replace, in place, MMEngine's loop and checkpoint hook by ours in the config of a Runner, and add four hooks.

    Types that are not MMEngine's own do not change. ``default_hooks=dict(preemption=None)`` or ``non_finite=None`` turns
    that hook off. Each option of a hook has a key, such as ``default_hooks.non_finite.action=skip``.
    """
    loop = config.get('train_cfg')
    if isinstance(loop, dict):
        if 'type' not in loop and 'by_epoch' in loop:
            loop['type'] = 'EpochBasedTrainLoop' if loop.pop('by_epoch') else 'IterBasedTrainLoop'
        loop_name = _mmengine_name(loop.get('type'))
        if loop_name in _LOOPS:
            loop['type'] = _LOOPS[loop_name]
    hooks: Any = config.get('default_hooks')
    if hooks is None:
        config.default_hooks = hooks = {}
        hooks = config.default_hooks
    custom = list(config.get('custom_hooks') or [])
    named = [*hooks.values(), *custom]
    there = {type_name(hook.get('type') if isinstance(hook, dict) else type(hook)) for hook in named}
    hooks.setdefault('checkpoint', dict(type='CheckpointHook', interval=1))
    if hooks['checkpoint'] is not None and _mmengine_name(hooks['checkpoint'].get('type')) == 'CheckpointHook':
        hooks['checkpoint']['type'] = 'auxskd_mm.AtomicCheckpointHook'
    for name, kind in (('preemption', 'PreemptionHook'), ('non_finite', 'NonFiniteLossHook')):
        if name in hooks and hooks[name] is None:
            del hooks[name]  # MMEngine takes None for its own names only
            continue
        if name not in hooks and kind in there:
            continue
        hooks[name] = {'type': f'auxskd_mm.{kind}', **(hooks.get(name) or {})}
    if 'BadVideoHook' not in there:
        custom.append(dict(type='auxskd_mm.BadVideoHook'))
    if 'CheckedTransferHook' not in there:
        custom.append(dict(type='auxskd_mm.CheckedTransferHook', strict=False))
    config.custom_hooks = custom
    return config


def _mmengine_name(kind: object) -> str:
    """Return the bare name of an MMEngine type, '' for other types, such as a subclass of the same name elsewhere."""
    owner = kind.__module__ if isinstance(kind, type) else kind if isinstance(kind, str) and '.' in kind else 'mmengine'
    return type_name(kind) if owner.split('.')[0] == 'mmengine' else ''


def mend_loaders(config: Config) -> Config:
    """:func:`mend_loader` for each loader of a Runner's config, in place."""
    for loader in _loaders(config):
        mend_loader(loader)
    return config


def _loaders(config: Config) -> list[Any]:
    found = [config.get(f'{part}_dataloader') for part in SPLITS]
    return [loader for loader in found if isinstance(loader, dict)]


def leave_out_amp(config: Config) -> Config:
    """Let the config of a Runner train in float32 if there is no accelerator.

    MMEngine's AMP wrapper refuses to start without one. AMP makes the training faster and does not change the method.
    """
    wrapper = config.get('optim_wrapper') or {}
    if (
        type_name(wrapper.get('type')) == 'AmpOptimWrapper'
        and config.get('train_cfg') is not None
        and get_device() == 'cpu'
    ):
        for key in ('dtype', 'loss_scale', 'use_fp64'):
            config.optim_wrapper.pop(key, None)
        config.optim_wrapper.type = 'OptimWrapper'
    return config


def pin_loaders(config: Config) -> Config:
    """Let the loaders of a config return pinned memory if there is a CUDA device. Copies from it run in parallel with
    the step.

    A ``pin_memory`` in the config does not change. Without a device nothing is set, because torch would warn in each
    epoch.
    """
    if torch.cuda.is_available():
        for loader in _loaders(config):
            loader.setdefault('pin_memory', True)
    return config


def take_compile_options(config: Config) -> dict[str, Any] | None:
    """Remove ``compile`` from a config and return it for ``compile_backbones``. None if it is off.

    MMEngine would compile all of ``train_step``, which copies data samples in a way that Dynamo cannot trace.
    """
    options = config.pop('compile', None)
    if not options or (isinstance(options, dict) and options.get('disable', False)):
        return None
    return {key: value for key, value in options.items() if key != 'disable'} if isinstance(options, dict) else {}


def prepare_determinism(config: Config) -> None:
    """Give cuBLAS the fixed workspace without which torch refuses ``randomness.deterministic`` on a GPU.

    It must be set before the first CUDA call. A value in the environment does not change.
    """
    if (config.get('randomness') or {}).get('deterministic'):
        os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')
