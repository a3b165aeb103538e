"""From the states of a recipe's steps to its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..datasets.class_labels import read_class_names
from ..errors import InputError
from ..evaluation.feature_bank import FeatureBank
from .entries import Init
from .execute import FEATURES, read_classified
from .plan import Plan, Step
from .report_figures import draw_figures
from .report_table import Line, chance_of, summarise
from .runs import list_variables
from .tables.advice import advise
from .tables.columns import Column, States, columns_of, mean_class_of
from .tables.learned import result_of, row_verdicts
from .tables.table import learned_notes
from .write_report import Report, write_report


def make_report(plan: Plan, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write ``report/`` in the recipe's work dir.

    Args:
        plan: Plan of the recipe.
        rows: State of every step.

    Returns:
        Path of ``report.html``.

    Raises:
        InputError: If a column asks for a metric that its evaluation does not measure.
    """
    states = list(zip(plan.steps, rows))
    verdicts = row_verdicts(plan.inits, states)
    titles = {init.name: init.title + verdicts[init.name].mark for init in plan.inits}
    shown = columns_of(plan, states)
    beside = [(column, mean_class_of(column, states)) for column in shown]
    every = [
        one
        for column, own in beside
        for one in (column, own and replace(own, title=f'{column.title}, mean class'))
        if one
    ]
    lines = [
        _line(column, init, titles[init.name], states)
        for column in every
        for init in plan.inits
        if column.steps(init, states)
    ]
    order = {title: number for number, title in enumerate(titles.values())}
    columns = list(dict.fromkeys(line.column for line in lines))
    folder = plan.root / 'report'
    minutes = sum(row['seconds'] for row in rows) / 60
    report = Report(
        title=str(plan.report.get('title') or plan.recipe.stem),
        facts=[f'recipe {plan.recipe.name}', _runs_text(plan), f'{minutes:.0f} minutes of computing'],
        rows=list(titles.values()),
        columns=columns,
        lines=sorted(lines, key=lambda line: (order[line.row], columns.index(line.column))),
        runs=len(plan.runs),
        phases=[
            dict(name=step.label, text=verdict.text)
            for step, row in states
            if step.row is None and (verdict := result_of(row)) is not None
        ],
        notes=[*learned_notes(verdicts), *(one.text for one in advise(titles, plan.inits, shown, states))],
        sections=draw_figures(plan, states, class_names(plan, states), folder),
        steps=[
            dict(
                name=row['name'],
                seconds=row['seconds'],
                commands=[row[key] for key in ('command', 'test_command') if row.get(key)],
            )
            for row in rows
        ],
    )
    return write_report(report, folder)


def _runs_text(plan: Plan) -> str:
    seeds = sorted({str(run.seed) for run in plan.runs})
    splits = sorted({run.lists for run in plan.runs if run.lists is not None})
    texts = [f'{len(plan.runs)} run{"s" * (len(plan.runs) > 1)}']
    texts += [f'{len(splits)} split{"s" * (len(splits) > 1)}'] if splits else []
    return ', '.join([*texts, f'seed{"s" * (len(seeds) > 1)} {", ".join(seeds)}'])


def _line(column: Column, init: Init, title: str, states: States) -> Line:
    mine = column.steps(init, states)
    labels = [read_labels(step) for step, _ in mine]
    chances = [chance for chance in (chance_of(column.metric, *pair) for pair in labels) if chance is not None]
    return Line(
        row=title,
        column=column.title,
        evaluation=column.evaluation.name,
        metric=column.metric,
        cell=summarise(list(column.values(init, states).values())),
        chance=sum(chances) / len(chances) if chances else None,
        protocols=[_protocol_of(column.metric, row.get('protocol') or {}) for _, row in mine],
        commands=[row['test_command'] for _, row in mine],
    )


def _protocol_of(metric: str, protocol: Mapping[str, Any]) -> dict[str, Any]:
    """Return the protocol with only the evaluation of a metric, if a test has several evaluations."""
    kinds = dict(linear='linear probe', knn='k-NN', retrieval='retrieval')
    kind = kinds.get(metric.split('/', 1)[0])
    found = [kind] if kind in (protocol.get('evaluation') or ()) else protocol.get('evaluation')
    return {**protocol, 'evaluation': found}


def read_labels(step: Step) -> tuple[list[int], list[int] | None]:
    """Read the labels of the test videos and the gallery from a step's features, or else from its predictions."""
    features = step.folder / FEATURES
    if (features / 'query.npz').is_file():
        gallery, query = (FeatureBank.load(features / f'{name}.npz') for name in ('gallery', 'query'))
        return query.labels.tolist(), gallery.labels.tolist()
    predictions = read_classified(step)
    return (predictions['labels'] if predictions else []), None


def class_names(plan: Plan, states: States) -> list[str]:
    """Return the class names from the recipe's ``report.classes``, or else from the lists, or else numbers.

    Raises:
        InputError: If the file of ``report.classes`` does not exist.
    """
    source = plan.report.get('classes')
    if source is None and plan.runs[0].lists is not None:
        source = '{lists}/classes.txt'
    if source is not None:
        path = Path(str(source).replace('{lists}', str(list_variables(plan.runs[0]).get('lists', ''))))
        if not path.is_file():
            raise InputError(f'{plan.recipe}: report.classes: no file {path}')
        return read_class_names(path)
    labels = [label for step, _ in states if step.evaluation for label in read_labels(step)[0]]
    return [f'class {number}' for number in range(max(labels, default=-1) + 1)]
