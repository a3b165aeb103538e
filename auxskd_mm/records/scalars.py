"""The scalars that MMEngine writes during a run."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError


def read_rows(run: str | Path) -> list[dict[str, Any]]:
    """Read all logged rows of a training, in order. Training and validation write separate rows.

    Args:
        run: Work dir, or a ``scalars.json`` file. Each resume writes to a new folder within the work dir. All of these
            folders are read.

    Raises:
        InputError: If there is no such file.
    """
    return [row for rows in read_starts(run) for row in rows]


def read_starts(run: str | Path) -> list[list[dict[str, Any]]]:
    """The rows of :func:`read_rows` by the start of the training that logged them.

    Raises:
        InputError: If there is no such file.
    """
    run = Path(run)
    files = [run] if run.is_file() else sorted(run.glob('*/vis_data/scalars.json'))
    if not files:
        raise InputError(f'{run}: no */vis_data/scalars.json in it; give the work dir of a training run')
    starts = []
    for file in files:
        rows = []
        for line in file.read_text(encoding='utf-8', errors='replace').splitlines():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                continue  # the last line of a run that was killed
            if isinstance(row, dict):
                rows.append(row)
        starts.append(rows)
    return starts


def read_scalars(run: str | Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Read the scalars of a run, see :func:`read_rows`: ``(steps, values)`` by name, both (N,). If a resumed run
    repeats a step, the later value counts.

    Raises:
        InputError: If the run has no scalars.
    """
    series: dict[str, dict[float, float]] = defaultdict(dict)
    for row in read_rows(run):
        for key, value in row.items():
            if key != 'step' and isinstance(value, (int, float)):
                series[key][row.get('step', 0)] = value
    # Two arrays, steps and values.
    return {key: tuple(np.array(sorted(points.items())).T) for key, points in series.items()}  # type: ignore[misc]


def last_scalars(run: str | Path) -> dict[str, float]:
    """Return the last value of every scalar. Empty if the run logged nothing."""
    try:
        rows = read_rows(run)
    except InputError:
        return {}
    merged = {key: value for row in rows for key, value in row.items()}
    return {key: value for key, value in merged.items() if isinstance(value, (int, float))}
