"""The numbers of a report: mean, spread, chance level and protocols."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

# Fields that may differ from number to number and are short enough for a column; the rest stands below the table.
COLUMNS = (
    'method',
    'pretraining_data',
    'trained',
    'clip.still',
    'clip.frames',
    'clip.stride',
    'clip.per_video',
    'crop',
    'input.channel_order',
    'input_as_in_pretraining',
    'averaging',
    'data.train',
    'data.test',
    'split',
    'seed',
)
_APART = ('pretraining', 'command', 'checkpoint', 'date', 'init', 'evaluation')


@dataclass(frozen=True)
class Cell:
    """Values of one number over the runs.

    Attributes:
        values: Values, one per run.
        mean: Mean of the values.
        spread: Sample standard deviation (n - 1), None for fewer than two.
    """

    values: tuple[float, ...]
    mean: float
    spread: float | None

    @property
    def text(self) -> str:
        """Format in percent, such as ``52.3 ± 1.9``."""
        if self.spread is None:
            return f'{100 * self.mean:.1f}'
        return f'{100 * self.mean:.1f} ± {100 * self.spread:.1f}'


@dataclass(frozen=True)
class Line:
    """One number of the table with its protocols and commands.

    Attributes:
        row: Title of the weights.
        column: Title of the measure.
        evaluation: Name of the evaluation.
        metric: Name of the metric.
        cell: Values of the number.
        chance: Value of the metric for random guesses; None if it is not known.
        protocols: Protocols, one per run.
        commands: Commands, one per run.
    """

    row: str
    column: str
    evaluation: str
    metric: str
    cell: Cell
    chance: float | None
    protocols: list[Mapping[str, Any]] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)


def summarise(values: Sequence[float]) -> Cell:
    """Mean and sample standard deviation."""
    array = np.asarray(values, dtype=np.float64)
    return Cell(
        tuple(float(value) for value in values),
        float(array.mean()),
        float(array.std(ddof=1)) if len(array) > 1 else None,
    )


def chance_of(metric: str, test: Sequence[int], gallery: Sequence[int] | None = None) -> float | None:
    """Compute the chance level of a metric on these labels.

    For an accuracy (``.../top1``), it is the share of the most common class; for a mean class accuracy, 1 / the number of
    classes. For ``.../R@k``, k videos are drawn from
    the gallery at random. The chance level is the expected share of queries whose class is among them.

    Args:
        metric: Name of the metric.
        test: Labels of the test videos.
        gallery: Labels of the gallery.

    Returns:
        Chance level in [0, 1]. None for any other metric, or if labels are missing.
    """
    name = metric.rsplit('/', 1)[-1]
    if not len(test):
        return None
    if name == 'top1':
        return max(Counter(test).values()) / len(test)
    if name == 'mean_class':
        return 1 / len(set(test))
    if name.startswith('R@') and gallery is not None:
        k, size, counts = min(int(name[2:]), len(gallery)), len(gallery), Counter(gallery)
        drawn = math.comb(size, k)
        missed = {label: math.comb(size - counts[label], k) / drawn for label in set(test)}
        return 1 - sum(missed[label] for label in test) / len(test)
    return None


def flatten(protocol: Mapping[str, Any], prefix: str = '') -> dict[str, str]:
    """Return a protocol as {dotted key: text}. Null becomes ``not recorded``."""
    flat: dict[str, str] = {}
    for key, value in protocol.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f'{prefix}{key}.'))
        else:
            flat[f'{prefix}{key}'] = _word(value)
    return flat


def _word(value: object) -> str:
    if value is None:
        return 'not recorded'
    if isinstance(value, bool):
        return 'yes' if value else 'no'
    if isinstance(value, (list, tuple)):
        return ', '.join(_word(item) for item in value) or 'none'
    return str(value)


def compare_protocols(lines: Sequence[Line]) -> tuple[dict[str, str], list[str], list[list[str]]]:
    """Split protocols into common fields and fields that differ.

    Args:
        lines: The numbers of the report.

    Returns:
        The common fields, the names of the columns in which numbers differ, and the values of these columns as one list
        per line. Several values of one number (seeds, splits) share one cell.
    """
    flat = [[flatten(protocol) for protocol in line.protocols] for line in lines]
    keys = list(dict.fromkeys(key for runs in flat for run in runs for key in run if key.split('.')[0] not in _APART))
    values = {key: [_distinct(run.get(key, 'not recorded') for run in runs) for runs in flat] for key in keys}
    common = {key: column[0] for key, column in values.items() if len(set(column)) == 1}
    columns = [key for key in COLUMNS if key in values and key not in common]
    return common, columns, [[values[key][i] for key in columns] for i in range(len(lines))]


def _distinct(values: Iterable[str]) -> str:
    return ' / '.join(dict.fromkeys(values))
