"""Top-1 and mean class accuracy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


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
