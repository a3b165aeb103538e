"""The scalars that MMEngine writes during a run."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import numpy as np

from ..errors import InputError


def read_scalars(run: str | Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Scalars of the latest run in a work dir.

    Args:
        run: Work dir, or a ``scalars.json`` file.

    Returns:
        {name: (steps, values)}, both (N,).

    Raises:
        InputError: If there are none.
    """
    run = Path(run)
    files = [run] if run.is_file() else sorted(run.glob('*/vis_data/scalars.json'))
    if not files:
        raise InputError(f'{run}: no */vis_data/scalars.json in it; give the work dir of a training run')
    series: dict[str, list[tuple[float, float]]] = defaultdict(list)
    # A resumed run continues in a folder of its own: read them all, later files win where steps overlap.
    for file in files:
        for line in file.read_text(encoding='utf-8', errors='replace').splitlines():
            try:
                row = json.loads(line)
            except json.JSONDecodeError:
                continue  # the last line of a run that was killed
            for key, value in row.items() if isinstance(row, dict) else ():
                if key != 'step' and isinstance(value, (int, float)):
                    series[key].append((row.get('step', 0), value))
    return {key: tuple(np.array(sorted(dict(points).items())).T) for key, points in series.items()}  # type: ignore[misc]
