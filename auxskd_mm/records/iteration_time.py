"""Duration of the iterations of a training, from MMEngine's scalars."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import InputError
from .scalars import read_starts


class TrainTime(NamedTuple):
    """Seconds per iteration of a training.

    Attributes:
        epochs: Mean seconds per iteration, by epoch.
        mean: Mean seconds per iteration over all logged values.
        data: Mean share of this time that the step waits for its data. None if the log does not hold it.
    """

    epochs: dict[int, float]
    mean: float
    data: float | None

    @property
    def slowest(self) -> int:
        """Epoch with the largest mean."""
        return max(self.epochs, key=self.epochs.__getitem__)

    @property
    def fastest(self) -> int:
        """Epoch with the smallest mean."""
        return min(self.epochs, key=self.epochs.__getitem__)

    @property
    def spread(self) -> float:
        """Standard deviation of the epochs' means."""
        return float(np.std(list(self.epochs.values())))


def train_time(run: str | Path, include_outliers: bool = False) -> TrainTime:
    """Read the iteration times of a training.

    MMEngine logs means over a window. So each value covers the iterations since the value before it.

    Args:
        run: Work dir, or a ``scalars.json``.
        include_outliers: Also count the first value of every epoch, and of every resume within it. It includes the start of
            the loader's workers.

    Raises:
        InputError: If the run logged no times.
    """
    # By epoch and start: a resume within an epoch starts the loader's workers once more.
    times: dict[int, dict[int, list[tuple[float, float | None]]]] = defaultdict(lambda: defaultdict(list))
    if not Path(run).exists():
        raise InputError(f'{run}: no such work dir or scalars.json')
    for start, logged in enumerate(read_starts(run)):
        for row in logged:
            if 'time' in row and 'epoch' in row:
                times[int(row['epoch'])][start].append((row['time'], row.get('data_time')))
    if not times:
        raise InputError(f'{run}: holds no times of training iterations (by epoch)')
    kept = {}
    for epoch, starts in times.items():
        found = [row for rows in starts.values() for row in rows]
        later = [row for rows in starts.values() for row in rows[1:]]
        kept[epoch] = found if include_outliers or not later else later
    every = [row for rows in kept.values() for row in rows]
    shares = [wait / time for time, wait in every if wait is not None and time > 0]
    return TrainTime(
        {epoch: float(np.mean([time for time, _ in rows])) for epoch, rows in sorted(kept.items())},
        float(np.mean([time for time, _ in every])),
        float(np.mean(shares)) if shares else None,
    )
