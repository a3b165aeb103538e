"""Whether to use the fine-tuned network of a row, or the probe on its frozen features."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..entries import Init
from ..execute import read_classified
from .columns import Column, States
from .intervals import Interval, interval, paired

_PROBES = ('linear/', 'probe/')


@dataclass(frozen=True)
class Advice:
    """One comparison of fine-tuning and probe.

    Attributes:
        row: Title of the row.
        tuned: Title of the column of the fine-tuning.
        probe: Title of the column of the probe.
        difference: Fine-tuning minus probe, over the runs; of a single run, over its test videos.
        over: What the difference is over, 'runs' or 'test videos'.
    """

    row: str
    tuned: str
    probe: str
    difference: Interval
    over: str

    @property
    def use(self) -> str:
        """'fine-tuning' only if it is above the probe by more than noise, else 'probe', which costs less."""
        return 'fine-tuning' if self.difference.certain and self.difference.mean > 0 else 'probe'

    @property
    def text(self) -> str:
        """A sentence."""
        points = f'{self.difference.text(signed=True)} points'
        if self.difference.half != self.difference.half:
            why = f'one run cannot tell whether {self.tuned} is better'
        elif not self.difference.certain:
            why = f'{self.tuned} differs from it by no more than noise'
        elif self.use == 'probe':
            why = f'{self.tuned} ends below it by more than noise'
        else:
            why = f'it is above {self.probe} by more than noise'
        chosen = self.tuned if self.use == 'fine-tuning' else self.probe
        return f'{self.row}: use {chosen}; {why} ({points} over {self.difference.count} {self.over}).'

    def record(self) -> dict[str, Any]:
        """The comparison as JSON types."""
        half = None if self.difference.half != self.difference.half else self.difference.half
        found = dict(mean=self.difference.mean, half=half, n=self.difference.count, over=self.over)
        return dict(row=self.row, tuned=self.tuned, probe=self.probe, use=self.use, text=self.text, **found)


def advise(titles: Mapping[str, str], inits: Sequence[Init], columns: Sequence[Column], states: States) -> list[Advice]:
    """Compare the fine-tuning of each row with the probe on its frozen features, for each number of labels.

    Args:
        titles: Titles of the rows by their names.
        inits: Rows of the recipe.
        columns: Columns of the table.
        states: Finished steps with their states.
    """
    found = []
    for tuned, probe in _pairs(columns):
        for init in inits:
            mine, frozen = tuned.values(init, states), probe.values(init, states)
            over, difference = 'runs', paired(mine, frozen)
            if difference.count == 1:
                single = _over_videos(tuned, probe, init, states)
                over, difference = (over, difference) if single is None else ('test videos', single)
            if difference.count:
                found.append(Advice(titles[init.name], tuned.title, probe.title, difference, over))
    return found


def _pairs(columns: Sequence[Column]) -> Iterator[tuple[Column, Column]]:
    for tuned in columns:
        if not tuned.evaluation.trains or not tuned.metric.endswith('/top1'):
            continue
        yield from ((tuned, probe) for probe in columns if _is_probe(probe) and _labels(probe) == tuned.count)


def _is_probe(column: Column) -> bool:
    name = column.metric.split('/')[1:2]
    return (
        column.metric.startswith(_PROBES) and not column.evaluation.trains and (name == ['top1'] or name[0].isdigit())
    )


def _labels(column: Column) -> int | None:
    """Number of labels per class of a probe, from its metric; None if there is one training list."""
    last = column.metric.rsplit('/', 1)[-1]
    return int(last) if last.isdigit() else None


def _over_videos(tuned: Column, probe: Column, init: Init, states: States) -> Interval | None:
    """Difference over the test videos of a single run; None if predictions were not kept."""
    hits: list[Mapping[str, float]] = []
    for column in (tuned, probe):
        steps = column.steps(init, states)
        content = read_classified(steps[0][0]) if len(steps) == 1 else None
        if content is None:
            return None
        rows = zip(content['names'], content['labels'], content['predictions'])
        answers = [(name, float(label == guess)) for name, label, guess in rows]
        if column is probe and not _are_of(answers, steps[0][1]['test'].get(column.metric)):
            return None
        hits.append(dict(answers))
    common = hits[0].keys() & hits[1].keys()
    return interval([hits[0][name] - hits[1][name] for name in sorted(common)]) if len(common) > 1 else None


def _are_of(answers: Sequence[tuple[str, float]], accuracy: float | None) -> bool:
    """Whether these are the answers behind an accuracy. A test with several probes keeps the answers of one of them."""
    return accuracy is not None and abs(sum(hit for _, hit in answers) / max(len(answers), 1) - accuracy) < 1e-6
