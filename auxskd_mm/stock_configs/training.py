"""Adds the settings of a training to a recipe that only tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config

# AdamW at a low rate trains convolutional networks and transformers alike. Recipes that train bring their own.
_LOADER: dict[str, Any] = dict(batch_size=8, num_workers=4, sampler=dict(type='DefaultSampler', shuffle=True))
_PARTS: dict[str, Any] = dict(
    train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=100),
    optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=3e-4, weight_decay=0.05)),
)


def complete_training(config: Config) -> Iterator[str]:
    """Add missing loader options, loop and optimizer in place to a config with a training data set,
    ``train_dataloader.dataset``.

    Yields:
        One line per addition.
    """
    loader = config.get('train_dataloader')
    if not isinstance(loader, dict) or loader.get('dataset') is None:
        return
    missing = [key for key in _LOADER if key not in loader and not (key == 'sampler' and 'batch_sampler' in loader)]
    for key in missing:
        loader[key] = _LOADER[key]
    added = [f'train_dataloader.{key}={_words(_LOADER[key])}' for key in missing]
    for key, value in _PARTS.items():
        if config.get(key) is None:
            config[key] = value
            added.append(f'{key}={_words(value)}')
    if added:
        yield f'it has no complete training, added {", ".join(added)}; set your own in the config'


def _words(value: Any) -> str:
    if not isinstance(value, Mapping):
        return str(value)
    return f'dict({", ".join(f"{key}={_words(item)}" for key, item in value.items())})'
