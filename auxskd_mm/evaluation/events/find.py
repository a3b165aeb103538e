"""Finding events in class scores over time, by a threshold."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ...errors import InputError, examples

# Bounds of neighbouring parts are sums of rounded numbers.
_EQUAL = 1e-6


class Event(NamedTuple):
    """An event: start and end in seconds, the name of its class, and its mean score (1 in a truth file)."""

    start: float
    end: float
    label: str
    score: float = 1.0


@dataclass(frozen=True)
class PerClass:
    """A number with exceptions for single classes.

    Attributes:
        default: Value of all other classes.
        values: Values by the name of a class.
    """

    default: float
    values: Mapping[str, float] = field(default_factory=dict)

    def of(self, label: str) -> float:
        """Value of a class."""
        return self.values.get(label, self.default)

    @classmethod
    def parse(cls, words: Iterable[str], default: float, key: str) -> PerClass:
        """Read words such as ``['0.5', 'serve=0.7']``.

        Args:
            words: At most one number, and ``CLASS=number`` words.
            default: Value if no number stands alone.
            key: Name of the setting, for messages.

        Raises:
            InputError: If a word is neither, or two numbers stand alone.
        """
        values: dict[str, float] = {}
        alone: list[float] = []
        for word in words:
            label, _, number = word.rpartition('=')
            try:
                value = float(number)
            except ValueError:
                raise InputError(f'{key} {word}: expected a number, or CLASS=number') from None
            if not 0 <= value < float('inf'):
                raise InputError(f'{key} {word}: expected a number of at least 0')
            if label:
                values[label] = value
            else:
                alone.append(value)
        if len(alone) > 1:
            raise InputError(
                f'{key} {" ".join(words)}: expected one number for all classes, and others as CLASS=number'
            )
        return cls(alone[0] if alone else default, values)


def check_known(labels: Collection[str], names: Sequence[str], key: str) -> None:
    """Refuse unknown classes.

    Raises:
        InputError: If one of the labels is not in ``names``.
    """
    unknown = [label for label in labels if label not in names]
    if unknown:
        raise InputError(f'{key} {unknown[0]}: the model has no such class; its classes are {examples(names, 10)}')


def find_events(
    scores: np.ndarray,
    spans: tuple[np.ndarray, np.ndarray],
    names: Sequence[str],
    *,
    threshold: PerClass | None = None,
    merge_gap: PerClass | None = None,
    min_length: PerClass | None = None,
    background: Collection[str] = (),
) -> list[Event]:
    """Find the events of each class.

    Neighbouring parts whose score is at least the threshold form an event. Then events of one class whose gap is at
    most ``merge_gap`` become one. At last, events shorter than ``min_length`` are dropped. Classes are independent of
    each other, so with a threshold below 0.5 events of two classes may overlap.

    Args:
        scores: Scores float (N, K) of N parts of the recording.
        spans: Start and end of each part in seconds, each float (N,); the parts follow each other.
        names: Names of the K classes.
        threshold: Least score, per class. The default is 0.5.
        merge_gap: Longest gap in seconds that is closed, per class. The default is 0.
        min_length: Shortest event in seconds, per class. The default is 0.
        background: Classes that are no events.

    Returns:
        Events by start, then by class. Their score is the mean over the parts that reach the threshold.
    """
    threshold = threshold or PerClass(0.5)
    merge_gap, min_length = merge_gap or PerClass(0.0), min_length or PerClass(0.0)
    found: list[Event] = []
    for label, column in zip(names, np.asarray(scores).T):
        if label in background:
            continue
        groups: list[list[int]] = []  # parts that reach the threshold, by event
        for part in np.flatnonzero(column >= threshold.of(label)).tolist():
            gap = spans[0][part] - spans[1][groups[-1][-1]] if groups else float('inf')
            if gap <= merge_gap.of(label) + _EQUAL:
                groups[-1].append(part)
            else:
                groups.append([part])
        for group in groups:
            start, end = float(spans[0][group[0]]), float(spans[1][group[-1]])
            if end - start >= min_length.of(label) - _EQUAL:
                found.append(Event(start, end, label, float(column[group].mean())))
    order = {name: i for i, name in enumerate(names)}
    return sorted(found, key=lambda event: (event.start, order[event.label]))
