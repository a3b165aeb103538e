"""Chooses a row by the clips held for the choice, and says what it is worth on test clips that played no part in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..recipes.tables.intervals import Interval
from .scores import Row, accuracy, class_accuracy, constant_accuracy, constant_answer
from .splits import Split
from .videos import Found


def split_interval(values: Sequence[float], splits: Sequence[Split]) -> Interval:
    """Mean and 95% interval over repeated splits of the same clips.

    The splits share clips, so their values are not independent. The variance is that of Nadeau and Bengio, Inference for
    the generalization error, Machine Learning 2003: s^2 * (1 / splits + test clips / other clips). The interval is
    Student's t.
    """
    x = np.asarray(values, dtype=float)
    if len(x) < 2:
        return Interval(float(x.mean()) if len(x) else float('nan'), float('nan'), len(x))
    from scipy import stats

    share = float(np.mean([len(split.test) / max(1, len(split.fit)) for split in splits]))
    half = stats.t.ppf(0.975, len(x) - 1) * x.std(ddof=1) * np.sqrt(1 / len(x) + share)
    return Interval(float(x.mean()), float(half), len(x))


@dataclass
class Table:
    """The scores of all rows that have a result in every split.

    Attributes:
        rows: The rows by name.
        splits: The splits.
        choice: Accuracy on the clips to choose by, one value per split.
        test: Accuracy on the test clips. The choice does not look at it.
        classes: Mean class accuracy on the test clips.
        constant: Accuracy of the best constant answer on the test clips.
    """

    rows: dict[str, Row]
    splits: list[Split]
    choice: dict[str, list[float]]
    test: dict[str, list[float]]
    classes: dict[str, list[float]]
    constant: list[float]

    def interval(self, name: str) -> Interval:
        """Test accuracy of a row."""
        return split_interval(self.test[name], self.splits)

    def difference(self, one: str, other: str) -> Interval:
        """Paired difference of the test accuracies of two rows."""
        return split_interval(np.subtract(self.test[one], self.test[other]).tolist(), self.splits)


def make_table(rows: Mapping[str, Row], splits: Sequence[Split], found: Found) -> Table:
    """Score every row that has predictions for all splits."""
    number = {name: i for i, name in enumerate(found.classes)}
    whole = {name: row for name, row in rows.items() if all(split.seed in row.predictions for split in splits)}
    return Table(
        whole,
        list(splits),
        {name: [accuracy(row, s, s.choice, number) for s in splits] for name, row in whole.items()},
        {name: [accuracy(row, s, s.test, number) for s in splits] for name, row in whole.items()},
        {name: [class_accuracy(row, s, s.test, number) for s in splits] for name, row in whole.items()},
        [constant_accuracy(s, s.test) for s in splits],
    )


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
    return max(known, key=lambda name: np.mean(table.choice[name]) if split is None else table.choice[name][split])


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
        gain: The same minus the best constant answer.
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


def choose(table: Table, found: Found) -> Choice:
    """Choose a row; the test clips are looked at only afterwards.

    'learnable' is 'yes' if the interval of the gain over the best constant answer is above 0. It is 'perhaps' if only a
    test over single clips says so (one-sided, 1%), which takes the clips of a group for independent.
    """
    names = candidates(table)
    row = best_row(table, names)
    assert row is not None
    by_split = [best_row(table, names, index) or row for index in range(len(table.splits))]
    scores = [table.test[name][index] for index, name in enumerate(by_split)]
    gain = split_interval(np.subtract(scores, table.constant).tolist(), table.splits)
    best = max(names, key=lambda name: np.mean(table.test[name]))
    clips = clip_level(table, by_split, found)
    if clips > _CLIP_LEVEL:
        learnable = 'yes' if gain.mean - gain.half > 0 else 'perhaps'
    else:
        learnable = 'no'
    regret = float(np.mean(table.test[best]) - np.mean(table.test[row]))
    return Choice(row, split_interval(scores, table.splits), gain, regret, best, learnable)


def clip_level(table: Table, by_split: Sequence[str], found: Found) -> float:
    """Mean over the clips of (right answer minus right constant answer), in standard errors."""
    number = {name: i for i, name in enumerate(found.classes)}
    gains: dict[str, list[float]] = {}
    for name, split in zip(by_split, table.splits):
        constant, answers = constant_answer(split), table.rows[name].predictions[split.seed]
        for video in split.test:
            if video.name in answers:
                hit = answers[video.name] == number[str(video.label)]
                gains.setdefault(video.name, []).append(float(hit) - float(video.label == constant))
    x = np.array([np.mean(values) for values in gains.values()])
    spread = x.std(ddof=1) if len(x) > 1 else 0.0
    if spread == 0:
        return float('inf') if len(x) and x.mean() > 0 else 0.0
    return float(x.mean() / (spread / np.sqrt(len(x))))
