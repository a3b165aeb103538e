"""Chooses a row by the clips held for the choice, and says what it is worth on test clips that played no part in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..evaluation.pretext.learned import wilson_interval
from ..recipes.tables.intervals import Interval
from .scores import Row, constant_answer
from .splits import Split
from .videos import Found, Video


def group_interval(values: np.ndarray, groups: Sequence[str], *, shares: bool = False) -> Interval:
    """Mean and 95% interval of values of clips, of which several may come from one group, or be one clip in several splits.

    Clips of a group are not independent, so the variance of the mean is taken between the groups::

        variance = G / (G - 1) * sum over the groups of (sum of (value - mean))^2 / N^2

    The interval is Student's t of G - 1 degrees of freedom. A few groups can agree by chance. So the variance is at least
    that of N independent values.

    Args:
        values: N hits (0 or 1), or differences of hits.
        groups: N groups.
        shares: Whether the values are hits. If all are equal, the variance says nothing; the farther limit of Wilson's
            interval with G samples then takes its place. Equal differences other than 0 have no interval.

    Source: Korn and Graubard, "Confidence intervals for proportions with small expected number of positive counts
    estimated from survey data", Survey Methodology 1998 (the variance).
    """
    x = np.asarray(values, dtype=float)
    member = np.unique([str(group) for group in groups], return_inverse=True)[1]
    count = int(member.max()) + 1 if len(x) else 0
    if count < 2:
        return Interval(float(x.mean()) if len(x) else float('nan'), float('nan'), len(x))
    from scipy import stats  # takes half a second

    mean = float(x.mean())
    quantile = float(stats.t.ppf(0.975, count - 1))
    between = count / (count - 1) * float((np.bincount(member, x - mean) ** 2).sum()) / len(x) ** 2
    variance = max(between, float(x.var(ddof=1)) / len(x))
    if variance < 1e-12 and shares:
        low, high = wilson_interval(mean, count, quantile)
        return Interval(mean, max(mean - low, high - mean), len(x))
    if variance < 1e-12 and x.any():
        return Interval(mean, float('nan'), len(x))
    return Interval(mean, quantile * float(np.sqrt(variance)), len(x))


class Side:
    """The answers of all rows on the clips to choose by, or on the test clips, of all splits.

    Attributes:
        places: Index of the split and video of each of N answers.
        hits: Right answers float (N,) by row.
        constant: Right answers (N,) of always naming the most frequent class of the clips to learn from.
        groups: Group of each answer.
    """

    def __init__(self, rows: Mapping[str, Row], splits: Sequence[Split], found: Found, side: str) -> None:
        number = {name: i for i, name in enumerate(found.classes)}
        self.places: list[tuple[int, Video]] = [
            (index, video)
            for index, split in enumerate(splits)
            for video in getattr(split, side)
            if all(video.name in row.predictions[split.seed] for row in rows.values())
        ]
        self.groups = [video.group for _, video in self.places]
        self.labels = np.array([number[str(video.label)] for _, video in self.places])
        self.of_split = np.array([index for index, _ in self.places])
        self.splits = len(splits)
        answers = [constant_answer(split) for split in splits]
        self.constant = np.array([float(video.label == answers[index]) for index, video in self.places])
        self.hits = {
            name: np.array(
                [
                    float(row.predictions[splits[index].seed][video.name] == number[str(video.label)])
                    for index, video in self.places
                ]
            )
            for name, row in rows.items()
        }

    def by_split(self, values: np.ndarray) -> list[float]:
        """Mean of values in each split."""
        return [float(values[self.of_split == index].mean()) for index in range(self.splits)]

    def interval(self, values: np.ndarray, *, shares: bool = False) -> Interval:
        """See :func:`group_interval`."""
        return group_interval(values, self.groups, shares=shares)

    def class_accuracy(self, name: str) -> Interval:
        """Accuracy of a row in which every class counts alike."""
        hits, counts = self.hits[name], np.bincount(self.labels)
        own = np.bincount(self.labels, hits) / np.maximum(counts, 1)
        weights = len(self.labels) / (np.count_nonzero(counts) * counts[self.labels])
        # The deviations are those from the accuracy of the class: that classes differ in size and difficulty is no noise.
        mean = float(own[counts > 0].mean())
        return self.interval(mean + weights * (hits - own[self.labels]), shares=True)


@dataclass
class Table:
    """The scores of all rows that have a result in every split.

    Attributes:
        rows: The rows by name.
        splits: The splits.
        chosen_by: Answers on the clips to choose by.
        tested: Answers on the test clips. The choice does not look at them.
    """

    rows: dict[str, Row]
    splits: list[Split]
    chosen_by: Side
    tested: Side

    @property
    def choice(self) -> dict[str, list[float]]:
        """Accuracy on the clips to choose by, one value per split."""
        return {name: self.chosen_by.by_split(hits) for name, hits in self.chosen_by.hits.items()}

    @property
    def test(self) -> dict[str, list[float]]:
        """Accuracy on the test clips, one value per split."""
        return {name: self.tested.by_split(hits) for name, hits in self.tested.hits.items()}

    @property
    def constant(self) -> float:
        """Test accuracy of always naming the most frequent class of the clips to learn from."""
        return float(self.tested.constant.mean())

    def interval(self, name: str) -> Interval:
        """Test accuracy of a row."""
        return self.tested.interval(self.tested.hits[name], shares=True)

    def over_constant(self, name: str) -> Interval:
        """Test accuracy of a row minus that of :attr:`constant`, clip by clip."""
        return self.tested.interval(self.tested.hits[name] - self.tested.constant)

    def difference(self, one: str, other: str) -> Interval:
        """Difference of the test accuracies of two rows, clip by clip."""
        return self.tested.interval(self.tested.hits[one] - self.tested.hits[other])


def make_table(rows: Mapping[str, Row], splits: Sequence[Split], found: Found) -> Table:
    """Score every row that has predictions for all splits."""
    whole = {name: row for name, row in rows.items() if all(split.seed in row.predictions for split in splits)}
    return Table(whole, list(splits), Side(whole, splits, found, 'choice'), Side(whole, splits, found, 'test'))


def best_row(table: Table, names: Sequence[str], split: int | None = None) -> str | None:
    """The row with the highest accuracy on the clips to choose by; of equal ones the first. None if there is none.

    Args:
        table: The scores.
        names: Rows to choose from, simple ones first.
        split: Index of one split. None takes the mean over all.
    """
    known = [name for name in names if name in table.rows]
    if not known:
        return None
    hits, of_split = table.chosen_by.hits, table.chosen_by.of_split
    rows = slice(None) if split is None else of_split == split
    return max(known, key=lambda name: float(hits[name][rows].mean()))


def candidates(table: Table) -> list[str]:
    """Rows that may be chosen, simple ones first. A row whose pretraining has not learned its task is none."""
    may = [row for row in table.rows.values() if row.learned and not row.still]
    return [row.name for row in sorted(may, key=lambda row: (row.phase is not None, row.trains))]


@dataclass(frozen=True)
class Choice:
    """The result of the choice.

    Attributes:
        row: The row with the best mean accuracy on the clips to choose by.
        expected: Test accuracy of choosing: in each split the row that its own clips to choose by name.
        gain: The same minus always naming the most frequent class of the clips to learn from.
        regret: Test accuracy of the best row minus that of the chosen row; at least 0.
        best: The row with the best test accuracy.
        learnable: 'yes', 'perhaps' or 'no': whether the gain is certain.
    """

    row: str
    expected: Interval
    gain: Interval
    regret: float
    best: str
    learnable: str


# One-sided normal quantile of 0.01.
_CLIP_LEVEL = 2.326


def choose(table: Table) -> Choice:
    """Choose a row; the test clips are looked at only afterwards.

    'learnable' is 'yes' if the gain over always naming the most frequent class is above 0 by its interval and by a test over
    single clips (one-sided, 1%). It is 'perhaps' if only the test says so, which takes the clips of a group for independent.
    """
    names = candidates(table)
    row = best_row(table, names)
    assert row is not None
    tested = table.tested
    by_split = [best_row(table, names, index) or row for index in range(len(table.splits))]
    hits = np.array([tested.hits[by_split[index]][place] for place, (index, _) in enumerate(tested.places)])
    gain = tested.interval(hits - tested.constant)
    best = max(names, key=lambda name: float(tested.hits[name].mean()))
    if clip_level(hits - tested.constant, [video.name for _, video in tested.places]) > _CLIP_LEVEL:
        learnable = 'yes' if gain.mean - gain.half > 0 else 'perhaps'
    else:
        learnable = 'no'
    regret = float(tested.hits[best].mean() - tested.hits[row].mean())
    return Choice(row, tested.interval(hits, shares=True), gain, regret, best, learnable)


def clip_level(gains: np.ndarray, names: Sequence[str]) -> float:
    """Mean over the clips of (right answer minus right constant answer), in standard errors.

    Args:
        gains: Float (N,), one for each answer.
        names: N clips; a clip that is tested in several splits counts once, with its mean.
    """
    member = np.unique(list(names), return_inverse=True)[1]
    x = np.bincount(member, gains) / np.bincount(member)
    spread = x.std(ddof=1) if len(x) > 1 else 0.0
    if spread == 0:
        return float('inf') if len(x) and x.mean() > 0 else 0.0
    return float(x.mean() / (spread / np.sqrt(len(x))))
