"""The strategies by name."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from ...choices import LABEL_STRATEGIES
from ...errors import InputError, check_choice, check_least
from .k_center import k_center
from .typical import typical_clips

STRATEGIES = LABEL_STRATEGIES


class Pick(NamedTuple):
    """A chosen video: its row, and why it was chosen in words."""

    row: int
    why: str


def choose_to_label(
    features: np.ndarray,
    count: int,
    strategy: str = 'typical',
    *,
    labelled: Collection[int] = (),
    probabilities: np.ndarray | None = None,
    seed: int = 0,
) -> list[Pick]:
    """Choose the videos whose labels would help most.

    Args:
        features: Features (N, D). They are scaled to unit length.
        count: Number of videos to choose.
        strategy: 'typical' (:func:`typical_clips`), 'diverse' (:func:`k_center`), 'uncertain' (smallest :func:`margins`),
            or 'random' for comparison.
        labelled: Rows that have a label already. They are not chosen again.
        probabilities: Probabilities (N, K) of a classifier, for 'uncertain'.
        seed: Seed of the clustering, or of 'random'.

    Returns:
        Picks in the order of choice: the first ones help most.

    Raises:
        InputError: For an unknown strategy, a negative seed, too few videos, or 'uncertain' without probabilities.
    """
    check_choice('strategy', strategy, STRATEGIES)
    check_least('', 0, seed=seed)
    open_rows = len(features) - len(set(labelled))
    if not 1 <= count <= open_rows:
        raise InputError(f'count={count}: expected 1 to {open_rows}, the number of videos to choose from')
    unit = np.asarray(features, dtype=np.float64)
    unit = unit / np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
    if strategy == 'typical':
        return [Pick(row, f'typical of {size} clips') for row, size in typical_clips(unit, count, labelled, seed)]
    if strategy == 'diverse':
        return [Pick(row, f'{distance:.2f} from the nearest') for row, distance in k_center(unit, count, labelled)]
    rows = np.setdiff1d(np.arange(len(unit)), sorted(labelled))
    if strategy == 'random':
        drawn = np.random.default_rng(seed).permutation(rows)[:count]
        return [Pick(int(row), 'drawn at random') for row in drawn]
    if probabilities is None or len(probabilities) != len(unit):
        raise InputError("strategy='uncertain': needs the probabilities of a classifier for every video")
    margin = margins(probabilities)
    first = rows[np.argsort(margin[rows], kind='stable')][:count]
    return [Pick(int(row), f'margin {margin[row]:.2f}') for row in first]


def margins(probabilities: np.ndarray) -> np.ndarray:
    """Difference of the two largest probabilities of each row (N, K), float (N,).

    Raises:
        InputError: If there is one class.

    Source: T. Scheffer et al., "Active Hidden Markov Models for Information Extraction", IDA 2001.
    """
    if probabilities.ndim != 2 or probabilities.shape[1] < 2:
        raise InputError(f'probabilities of shape {probabilities.shape}: expected (N, K) with two classes or more')
    two = np.sort(probabilities, axis=1)[:, -2:]
    return two[:, 1] - two[:, 0]
