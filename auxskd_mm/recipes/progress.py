"""How far a recipe is, and about how long the rest will take."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence


class Progress:
    """Estimate the time left from the finished steps of the same kind, in any run or row.

    Args:
        kinds: Kind of each step, in order.
        taken: Seconds that each step took before this start; None for a step that is not finished.
        sizes: Number of training steps of each step; None if it is not known. A kind of which no step is finished takes
            its pace from the kinds that differ only behind an ``@``, as trainings with 1 and 20 labels per class do.
    """

    def __init__(
        self, kinds: Sequence[str], taken: Sequence[float | None], sizes: Sequence[int | None] | None = None
    ) -> None:
        self.kinds = list(kinds)
        self.sizes = {kind: size for kind, size in zip(kinds, sizes or ()) if size}
        self.finished = {index for index, seconds in enumerate(taken) if seconds is not None}
        self.seconds: dict[str, list[float]] = defaultdict(list)
        for kind, seconds in zip(kinds, taken):
            if seconds is not None:
                self.seconds[kind].append(seconds)

    def done(self, kind: str, seconds: float, index: int | None = None) -> None:
        """Record the seconds of a step. Give its ``index`` if steps end out of order."""
        self.seconds[kind].append(seconds)
        if index is not None:
            self.finished.add(index)

    def left(self, index: int, jobs: int = 1) -> str:
        """Describe the time left from step ``index`` on (included), with ``jobs`` steps at a time."""
        rest = [kind for i, kind in enumerate(self.kinds) if i >= index and i not in self.finished]
        if not rest:
            return 'nothing left to run'
        means = {kind: self._seconds_of(kind) for kind in set(rest)}
        known = [mean for kind in rest if (mean := means[kind]) is not None]
        seconds = sum(known) / jobs
        new = len(rest) - len(known)
        parts = [f'about {_span(seconds)}'] if known else []
        parts += [f'{new} step{"s" * (new > 1)} of unknown length'] if new else []
        return ' and '.join(parts) + ' left'

    def _seconds_of(self, kind: str) -> float | None:
        if self.seconds[kind]:
            return sum(self.seconds[kind]) / len(self.seconds[kind])
        alike = [
            other
            for other in self.sizes
            if kind in self.sizes and self.seconds[other] and other.partition('@')[0] == kind.partition('@')[0]
        ]
        trained = sum(self.sizes[other] * len(self.seconds[other]) for other in alike)
        return self.sizes[kind] * sum(sum(self.seconds[other]) for other in alike) / trained if alike else None


def _span(seconds: float) -> str:
    if seconds < 90:
        return f'{max(1, round(seconds))} s'
    if seconds < 5400:
        return f'{seconds / 60:.0f} min'
    return f'{seconds / 3600:.1f} h'
