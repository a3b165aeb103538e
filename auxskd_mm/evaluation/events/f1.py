"""F1 of events by their temporal overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import InputError
from .find import Event

THRESHOLDS = (0.1, 0.25, 0.5)


@dataclass(frozen=True)
class EventF1:
    """Counts of found events at one threshold of the temporal IoU.

    Attributes:
        iou: Least temporal IoU of a match.
        hits: Found events that match an event of the truth.
        false: Found events that match none.
        missed: Events of the truth that no found event matches.
    """

    iou: float
    hits: int
    false: int
    missed: int

    @property
    def precision(self) -> float:
        """Share of the found events that are right, 0 if there are none."""
        return self.hits / max(self.hits + self.false, 1)

    @property
    def recall(self) -> float:
        """Share of the true events that are found, 0 if there are none."""
        return self.hits / max(self.hits + self.missed, 1)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall. It is 1 if there is nothing to find and nothing was found."""
        total = 2 * self.hits + self.false + self.missed
        return 2 * self.hits / total if total else 1.0


def check_iou(iou: float) -> None:
    """Refuse a threshold of the temporal IoU that is not in (0, 1].

    Raises:
        InputError: If it is not.
    """
    if not 0 < iou <= 1:
        raise InputError(f'iou={iou:g}: expected a temporal IoU above 0 and at most 1')


def temporal_iou(one: Event, other: Event) -> float:
    """Common time of two events over the time that either takes, in [0, 1]."""
    common = min(one.end, other.end) - max(one.start, other.start)
    return common / (max(one.end, other.end) - min(one.start, other.start)) if common > 0 else 0.0


def event_f1(found: Sequence[Event], truth: Sequence[Event], iou: float = 0.5) -> EventF1:
    """Match found events with true ones, as the segmental F1 of Lea et al.

    Found events are taken in the order of their starts. Each is compared with the true event of its class with which it
    has the largest temporal IoU. It is a hit if this IoU is at least ``iou`` and no earlier one has hit the same true
    event, and false otherwise. A second detection of an event is therefore false.

    Args:
        found: Found events.
        truth: True events.
        iou: Least temporal IoU of a match, in (0, 1].

    Raises:
        InputError: If ``iou`` is out of its range.

    Source: C. Lea et al., "Temporal Convolutional Networks for Action Segmentation and Detection", CVPR 2017, F1@k
    (``overlap_f1`` in ``code/metrics.py`` of colincsl/TemporalConvolutionalNetworks).

    Example:
        >>> truth = [Event(0, 2, 'a'), Event(5, 7, 'a')]
        >>> found = [Event(0, 1.2, 'a'), Event(1.4, 2, 'a'), Event(5, 7, 'b')]
        >>> score = event_f1(found, truth, 0.5)
        >>> (score.hits, score.false, score.missed, round(score.f1, 3))
        (1, 2, 1, 0.4)
    """
    check_iou(iou)
    taken: set[int] = set()
    for event in sorted(found, key=lambda one: (one.start, one.end)):
        same = [i for i, true in enumerate(truth) if true.label == event.label]
        best = max(same, key=lambda i: temporal_iou(event, truth[i]), default=None)
        if best is not None and best not in taken and temporal_iou(event, truth[best]) >= iou:
            taken.add(best)
    return EventF1(iou, len(taken), len(found) - len(taken), len(truth) - len(taken))


def f1_table(found: Sequence[Event], truth: Sequence[Event], iou: float = 0.5) -> str:
    """Markdown table of F1 at several thresholds, and of each class at ``iou``."""
    lines = ['| events | F1 | precision | recall | hits | false | missed |', '|---|---|---|---|---|---|---|']
    rows = [(f'all, IoU >= {one:g}', event_f1(found, truth, one)) for one in sorted({*THRESHOLDS, iou})]
    for label in sorted({event.label for event in (*found, *truth)}):
        own = [[event for event in events if event.label == label] for events in (found, truth)]
        rows.append((f'{label}, IoU >= {iou:g}', event_f1(*own, iou)))
    for name, one in rows:
        lines.append(
            f'| {name} | {one.f1:.3f} | {one.precision:.3f} | {one.recall:.3f} | {one.hits} | {one.false} | {one.missed} |'
        )
    return '\n'.join(lines)
