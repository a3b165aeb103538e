"""The columns of a recipe's table, and the values of each row in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...errors import InputError
from ..entries import Evaluation, Init
from ..plan import Plan, Step

States = Sequence[tuple[Step, Mapping[str, Any]]]


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes:
        title: Heading.
        evaluation: The evaluation that measures it.
        metric: Name of the metric.
        count: Number of labels per class of the training; None if all trainings of the evaluation are alike.
    """

    title: str
    evaluation: Evaluation
    metric: str
    count: int | None = None

    def steps(self, init: Init, states: States) -> list[tuple[Step, Mapping[str, Any]]]:
        """The steps of a row that measure this column, one per run and draw."""
        return [
            (step, row)
            for step, row in states
            if step.evaluation is self.evaluation and step.row is init and step.count == self.count
        ]

    def values(self, init: Init, states: States) -> dict[str, float]:
        """The values of a row by run, each the mean over the draws of the run.

        Raises:
            InputError: If the evaluation does not measure the metric.
        """
        found: dict[str, list[float]] = {}
        for step, row in self.steps(init, states):
            if not row.get('finished', True):
                continue
            if self.metric not in row['test']:
                raise InputError(
                    f'evaluation {self.evaluation.name!r}: no metric {self.metric!r} for the column {self.title!r}; '
                    f'there are {", ".join(numbers_of(row)) or "none"}'
                )
            found.setdefault(step.run.name, []).append(float(row['test'][self.metric]))
        return {run: sum(values) / len(values) for run, values in found.items()}


def numbers_of(row: Mapping[str, Any]) -> list[str]:
    """Names of the numbers that a step measured."""
    return [key for key, value in row.get('test', {}).items() if isinstance(value, (int, float))]


def columns_of(plan: Plan, states: States) -> list[Column]:
    """The columns of all evaluations. ``{n}`` in a metric stands for each number of labels per class.

    A heading of several evaluations begins with the name of each.
    """
    made = []
    for evaluation in plan.evaluations:
        counts = evaluation.counts(plan.labels.per_class) if plan.labels else ()
        for title, metric in _titles(evaluation, states).items():
            if not counts:
                made.append(Column(title, evaluation, metric))
            for count in counts:
                heading = f'{title}, {count or "all"}'
                own = count if evaluation.trains else None
                made.append(Column(heading, evaluation, metric.replace('{n}', str(count)), own))
    often = Counter(column.title for column in made)
    # A report knows its columns by their titles.
    return [replace(one, title=f'{one.evaluation.name}: {one.title}') if often[one.title] > 1 else one for one in made]


def _titles(evaluation: Evaluation, states: States) -> dict[str, str]:
    if evaluation.columns:
        return evaluation.columns
    if evaluation.few and not evaluation.trains:
        return {'k-NN': 'knn/{n}', 'linear probe': 'linear/{n}', 'R@1': 'R@1/{n}'}
    row = next((row for step, row in states if step.evaluation is evaluation and row.get('test')), {})
    return {f'{evaluation.name}: {key}': key for key in numbers_of(row) if key.endswith(('/top1', '/R@1'))}


def mean_class_of(column: Column, states: States) -> Column | None:
    """The column of the mean class accuracy beside one of top-1 accuracy; None if it was not measured in every step."""
    name = _MEAN_CLASS.get(column.metric) or _with_count(column.metric)
    steps = [row for step, row in states if step.evaluation is column.evaluation and row.get('finished', True)]
    if name is None or not steps or not all(name in row.get('test', {}) for row in steps):
        return None
    return replace(column, metric=name)


_MEAN_CLASS = {f'{prefix}/top1': f'{prefix}/mean_class' for prefix in ('acc', 'linear', 'knn', 'probe')}


def _with_count(metric: str) -> str | None:
    """The name in results by the number of labels per class."""
    parts = metric.split('/')
    if parts[0] == 'linear' and len(parts) == 2 and parts[1].isdigit():
        return f'linear_mean_class/{parts[1]}'
    return f'probe/mean_class/{parts[2]}' if parts[:2] == ['probe', 'top1'] and len(parts) == 3 else None
