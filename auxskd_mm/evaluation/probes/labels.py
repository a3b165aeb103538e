"""Draws of a few labels per class, and labels without meaning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ...errors import InputError
from ..scores import units_of


def draw_few(
    labels: np.ndarray,
    per_class: int,
    draws: int,
    seed: int = 0,
    groups: Sequence[Any] | None = None,
    fewer: bool = False,
) -> Iterator[np.ndarray]:
    """Draw a few videos of each class, many times.

    Args:
        labels: Classes int (N,).
        per_class: Number of videos of each class.
        draws: Number of draws.
        seed: Seed of the draws.
        groups: Group of each video. The videos of a class then come from as many groups as possible, so that a probe can
            be validated by groups.
        fewer: A class with fewer videos gives all that it has.

    Yields:
        Numbers of the drawn videos, sorted.

    Raises:
        InputError: If a class has fewer videos, unless ``fewer``, or a number is below 1.
    """
    classes, counts = np.unique(labels, return_counts=True)
    if per_class < 1 or draws < 1:
        raise InputError(f'few labels: {per_class} per class, {draws} draws, expected at least 1')
    if counts.min() < per_class and not fewer:
        raise InputError(f'few labels: class {classes[counts.argmin()]} has {counts.min()} videos, not {per_class}')
    units = units_of(len(labels), groups)
    for draw in range(draws):
        rng = np.random.default_rng([seed, per_class, draw])
        taken = []
        for label in classes:
            own = rng.permutation(np.flatnonzero(labels == label))
            # One video of each group first, then a second one of each, and so on.
            rank = np.zeros(len(own), dtype=int)
            for unit in np.unique(units[own]):
                rank[units[own] == unit] = np.arange((units[own] == unit).sum())
            taken += own[np.argsort(rank, kind='stable')][:per_class].tolist()
        yield np.sort(np.asarray(taken))


def permuted(labels: np.ndarray, seed: int = 0) -> np.ndarray:
    """Labels (N,) in a random order. A probe on them must stay at chance, or its protocol leaks."""
    return np.random.default_rng(seed).permutation(labels)
