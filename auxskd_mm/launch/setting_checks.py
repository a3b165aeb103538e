"""Numbers of a config that torch or MMEngine would stop at with a traceback, checked before a run starts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.optim import _ParamScheduler
from torch.utils.data import Dataset

from ..choices import SPLITS
from ..config.loading.overrides import value_at
from ..errors import InputError
from ..registry import FUNCTIONS


class _Range(NamedTuple):
    """Requirement on the value of a setting."""

    least: float
    whole: bool = True
    none: bool = False

    def takes(self, value: Any) -> bool:
        if value is None:
            return self.none
        kinds = (int,) if self.whole else (int, float)
        return isinstance(value, kinds) and not isinstance(value, bool) and math.isfinite(value) and value >= self.least

    def __str__(self) -> str:
        words = f'a {"whole " if self.whole else "finite "}number from {self.least:g} on'
        return f'{words}, or None' if self.none else words


_LOADER: dict[str, _Range] = {
    'batch_size': _Range(1),
    'num_workers': _Range(0),
    'prefetch_factor': _Range(1, none=True),
    'timeout': _Range(0, whole=False),
}
_SETTINGS: dict[str, _Range] = {
    **{f'{part}_dataloader.{key}': wanted for part in SPLITS for key, wanted in _LOADER.items()},
    'train_cfg.max_epochs': _Range(1),
    'train_cfg.max_iters': _Range(1),
    'train_cfg.val_interval': _Range(1),
    'optim_wrapper.accumulative_counts': _Range(1),
    'optim_wrapper.optimizer.lr': _Range(0, whole=False),
    'optim_wrapper.optimizer.weight_decay': _Range(0, whole=False),
    'optim_wrapper.optimizer.momentum': _Range(0, whole=False),
    'default_hooks.logger.interval': _Range(1),
    'default_hooks.checkpoint.interval': _Range(-1),  # MMEngine's way to switch it off
    'randomness.seed': _Range(0, none=True),
}
_SWITCHES = ('drop_last', 'persistent_workers', 'pin_memory')
_MOST_SEED = 2**32 - 1  # of NumPy


def check_settings(config: Config) -> None:
    """Refuse invalid numbers and switches of the loaders, loops, hooks and the optimizer.

    Raises:
        InputError: If a value is invalid. The message names the first key, its value and the expected value.
    """
    absent = object()
    for key, wanted in _SETTINGS.items():
        value = value_at(config, key, absent)
        if value is not absent and not wanted.takes(value):
            raise InputError(f'{key}={value!r}: expected {wanted}')
    seed = value_at(config, 'randomness.seed', None)
    if seed is not None and seed > _MOST_SEED:
        raise InputError(f'randomness.seed={seed}: expected at most {_MOST_SEED}')
    for part in SPLITS:
        loader = config.get(f'{part}_dataloader')
        for name in _SWITCHES if isinstance(loader, Mapping) else ():
            if loader.get(name) not in (None, True, False):
                raise InputError(f'{part}_dataloader.{name}={loader[name]!r}: expected True or False')


def check_parts(config: Config) -> None:
    """Refuse a config with only some parts of a training or a test, or with a part of the wrong kind.

    Raises:
        InputError: If a part is missing or wrong. The message names the part and the expected value.
    """
    for parts in (
        ('train_dataloader', 'train_cfg', 'optim_wrapper'),
        ('test_dataloader', 'test_cfg', 'test_evaluator'),
    ):
        missing = [key for key in parts if config.get(key) is None]
        if missing and len(missing) < len(parts):
            there = ' and '.join(key for key in parts if key not in missing)
            raise InputError(f'{missing[0]}=None: expected a value beside {there}, or None for all of them')
    for part in SPLITS:
        loader = config.get(f'{part}_dataloader')
        if not isinstance(loader, Mapping):
            continue
        if not isinstance(loader.get('dataset'), (Mapping, Dataset)):
            raise InputError(f'{part}_dataloader.dataset={loader.get("dataset")!r}: expected a dict(type=...)')
        collate = loader.get('collate_fn')
        kind = collate.get('type') if isinstance(collate, Mapping) else None
        if isinstance(kind, str) and FUNCTIONS.get(kind) is None:
            raise InputError(f"{part}_dataloader.collate_fn.type='{kind}': unknown, expected such as 'pseudo_collate'")
    schedules = config.get('param_scheduler')
    if not all(isinstance(one, (Mapping, _ParamScheduler)) for one in _several(schedules)):
        raise InputError(f'param_scheduler={schedules!r}: expected a dict(type=...), a list of them, or None')


def _several(value: object) -> list[object]:
    """Return a list: a list unchanged, the values of a dict by name (GAN-like optimizers), one entry as a list, or [] for None."""
    if isinstance(value, Mapping) and 'type' not in value:
        return [one for part in value.values() for one in _several(part)]
    return list(value) if isinstance(value, (list, tuple)) else [] if value is None else [value]
