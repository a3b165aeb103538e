"""Cached maps of several stages, and the features that poolings and stages make of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import InputError
from ...models.modules.protocol_pooling import STAGE_GRID
from ..feature_bank import FeatureBank

POOLINGS = ('mean', 'mean_std', 'grid', 'attentive')
StageFeatures = Mapping[str, np.ndarray]


def stages_of(bank: FeatureBank) -> dict[str, np.ndarray]:
    """Take the features of a bank of N videos with ``pooling='stages'`` apart; those of any other pooling are one
    stage.

    Returns:
        Float32 (N, 4, 4, C) by name: ``last``, and for earlier stages ``last-1``, ``last-2`` ... (N, 1, 1, D) for other
        poolings.

    Raises:
        InputError: If the widths do not fit the features.
    """
    steps, *grid = STAGE_GRID
    cells = steps * grid[0] * grid[1]
    widths = bank.protocol.get('widths')
    if not widths:
        return {'last': bank.features[:, None, None]}
    if cells * sum(widths) != bank.features.shape[1]:
        raise InputError(
            f'features of {bank.features.shape[1]} values, but stages of {widths} channels; extract them anew'
        )
    parts = np.split(bank.features, np.cumsum([cells * width for width in widths])[:-1], axis=1)
    names = [f'last-{after}' if after else 'last' for after in reversed(range(len(widths)))]
    return {
        name: part.reshape(len(bank), steps, grid[0] * grid[1], width)
        for name, part, width in zip(names, parts, widths)
    }


def feature_views(
    stages: StageFeatures, poolings: Sequence[str] = POOLINGS, combinations: Sequence[Sequence[str]] | None = None
) -> dict[str, list[np.ndarray]]:
    """The features that a probe chooses from.

    - ``mean``: the mean over all positions.
    - ``mean_std``: beside it the standard deviation over time of each position, averaged over the positions.
    - ``grid``: all positions side by side, so the feature says when and where.
    - ``attentive``: all positions. The probe learns their weights.

    Args:
        stages: Float (N, T, S, C) by the name of the stage, from the first to the last: T steps in time and S positions.
            (N, T, C) has one position, (N, C) one step as well.
        poolings: Poolings to make.
        combinations: Stages that are put side by side. None takes each stage, and the last with the one before it.

    Returns:
        Arrays by name, such as ``stage4/mean_std`` or ``stage3+stage4/mean``. Pooled features are one array (N, D). For
        ``attentive`` there is one array (N, T * S, C) for each stage.

    Raises:
        InputError: For an unknown pooling or stage, or stages of different numbers of videos.
    """
    unknown = [name for name in poolings if name not in POOLINGS]
    if unknown or not poolings:
        raise InputError(f'probe search: pooling {unknown[:1] or "none"}, expected some of {", ".join(POOLINGS)}')
    maps = {name: _as_map(name, array) for name, array in stages.items()}
    if not maps or len({len(array) for array in maps.values()}) > 1:
        raise InputError(f'probe search: stages of {[len(array) for array in maps.values()]} videos, expected the same')
    names = list(maps)
    sets: list[Any] = [[name] for name in names] + ([names[-2:]] if len(names) > 1 else [])
    made = {}
    for combination in sets if combinations is None else combinations:
        if lost := [name for name in combination if name not in maps]:
            raise InputError(f'probe search: no stage {lost[0]!r}; there are {names}')
        for pooling in poolings:
            if pooling == 'mean_std' and all(maps[name].shape[1] == 1 for name in combination):
                continue  # one step has no deviation
            if pooling in ('grid', 'attentive') and all(maps[name].shape[1:3] == (1, 1) for name in combination):
                continue  # the mean has all of it
            made[f'{"+".join(combination)}/{pooling}'] = _pooled([maps[name] for name in combination], pooling)
    return made


def _as_map(name: str, array: np.ndarray) -> np.ndarray:
    if array.ndim not in (2, 3, 4):
        raise InputError(f'probe search: stage {name!r} has shape {array.shape}, expected (N, T, S, C)')
    shape = {2: (len(array), 1, 1, -1), 3: (*array.shape[:2], 1, array.shape[-1]), 4: array.shape}[array.ndim]
    return array.reshape(shape)


def _pooled(maps: Sequence[np.ndarray], pooling: str) -> list[np.ndarray]:
    if pooling == 'attentive':
        return [array.reshape(len(array), -1, array.shape[-1]) for array in maps]
    if pooling == 'grid':
        return [np.concatenate([array.reshape(len(array), -1) for array in maps], axis=1)]
    parts = [array.mean((1, 2)) for array in maps]
    if pooling == 'mean_std':
        parts += [array.std(1).mean(1) for array in maps if array.shape[1] > 1]
    return [np.concatenate(parts, axis=1)]
