"""Top-1 and mean class accuracy, and the groups of videos that belong together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np


def units_of(count: int, groups: Sequence[Any] | None) -> np.ndarray:
    """Number of the group of each video, int (N,). Without groups each of the ``count`` videos is one."""
    if groups is None:
        return np.arange(count)
    return np.unique([str(group) for group in groups], return_inverse=True)[1]


class Scores(NamedTuple):
    """Accuracies in [0, 1], and the number of videos that they come from."""

    top1: float
    mean_class: float
    count: int  # type: ignore[assignment]  # hides the count of tuples


def scores_of(labels: np.ndarray, answers: np.ndarray) -> Scores:
    """Accuracies of answers int (N,) to labels int (N,). The mean over classes counts each class that occurs once."""
    hits = labels == answers
    return Scores(
        float(hits.mean()), float(np.mean([hits[labels == k].mean() for k in np.unique(labels)])), len(labels)
    )
