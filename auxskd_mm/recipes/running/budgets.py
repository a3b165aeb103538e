"""Trainings whose length is a number of steps, whatever their config counts in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ...config.load import load_config

WARM_UP = 20
# A cut-off training goes on from its last multiple of this.
_SAVED = 250
_NEVER = 10**9


def has_own_steps(config: Path) -> bool:
    """Whether a config has a variable ``steps``. It then takes its length itself, and decides what its other variables do."""
    return 'steps' in Config.fromfile(str(config))


def budget_options(
    config: Path, options: Mapping[str, Any], steps: int, hooks: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """Overrides that train a config for a number of steps.

    A config with a variable ``steps`` gets that variable, and keeps its own schedule. Any other config gets a warm-up of
    up to 20 steps, then a cosine to 0; it does not validate, and keeps its last checkpoint.

    Args:
        config: Config file with a training.
        options: Further overrides of the config. They win.
        steps: Number of steps.
        hooks: Hooks to add to those of the config.
    """
    made: dict[str, Any] = {'steps': steps} if has_own_steps(config) else _schedule(steps)
    if hooks:
        own = load_config(str(config), dict(options)).get('custom_hooks') or []
        made['custom_hooks'] = [*(dict(hook) for hook in own), *(dict(hook) for hook in hooks)]
    return {**made, **options}


def _schedule(steps: int) -> dict[str, Any]:
    warm_up = min(WARM_UP, steps // 2)
    return {
        'train_cfg': dict(_delete_=True, type='auxskd_mm.ResumableIterTrainLoop', max_iters=steps, val_interval=_NEVER),
        'param_scheduler': [
            dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=max(warm_up, 1)),
            dict(type='CosineAnnealingLR', by_epoch=False, begin=warm_up, end=steps, T_max=max(steps - warm_up, 1)),
        ],
        'log_processor.by_epoch': False,
        'default_hooks.logger.interval': 10,
        'default_hooks.checkpoint': dict(
            _delete_=True, type='auxskd_mm.AtomicCheckpointHook', by_epoch=False, interval=_SAVED, max_keep_ckpts=1
        ),
        'val_dataloader': None,
        'val_cfg': None,
        'val_evaluator': None,
    }
