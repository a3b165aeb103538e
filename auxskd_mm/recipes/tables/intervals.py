"""Means with 95% intervals over runs, and paired differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np


class Interval(NamedTuple):
    """A mean and half the width of its 95% interval (Student's t; NaN for fewer than two values)."""

    mean: float
    half: float
    count: int  # type: ignore[assignment]  # hides the count of tuples

    def text(self, signed: bool = False) -> str:
        """Percent, such as ``24.5 ± 1.2``."""
        if not self.count:
            return '-'
        number = f'{100 * self.mean:+.1f}' if signed else f'{100 * self.mean:.1f}'
        return number if np.isnan(self.half) else f'{number} ± {100 * self.half:.1f}'

    def share_text(self) -> str:
        """As :meth:`text`, of a share. An interval that would pass 0 or 1 ends there: ``85.0 [55.0, 100.0]``."""
        low, high = self.mean - self.half, self.mean + self.half
        if low < 0 or high > 1:  # False without an interval
            low, high = self.share_ends
            return f'{100 * self.mean:.1f} [{100 * low:.1f}, {100 * high:.1f}]'
        return self.text()

    @property
    def share_ends(self) -> tuple[float, float]:
        """Ends of the interval of a share in [0, 1], not below 0 or above 1. Without an interval both are the mean."""
        half = 0.0 if np.isnan(self.half) else self.half
        return max(self.mean - half, 0.0), min(self.mean + half, 1.0)

    @property
    def certain(self) -> bool:
        """Whether the interval leaves out 0."""
        return bool(abs(self.mean) > self.half)


def interval(values: Sequence[float]) -> Interval:
    """Interval of the mean of values, one per run."""
    x = np.asarray(values, dtype=float)
    if len(x) < 2:
        return Interval(float(x.mean()) if len(x) else float('nan'), float('nan'), len(x))
    from scipy import stats  # takes half a second

    half = stats.t.ppf(0.975, len(x) - 1) * x.std(ddof=1) / np.sqrt(len(x))
    return Interval(float(x.mean()), float(half), len(x))


def paired(with_it: Mapping[Any, float], without: Mapping[Any, float]) -> Interval:
    """Interval of the difference over the runs (seeds, splits) that both have."""
    return interval([with_it[run] - without[run] for run in sorted(with_it.keys() & without.keys())])
