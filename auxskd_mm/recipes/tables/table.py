"""The table of a recipe: means with 95% intervals over the runs, and paired differences between rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...files import write_whole
from ..entries import Init
from ..plan import Plan, Step
from .advice import Advice, advise
from .columns import Column, States, columns_of, mean_class_of
from .intervals import Interval, interval, paired
from .learned import RowVerdict, result_of, row_verdicts, untested_phases


def write_table(plan: Plan, rows: Sequence[Mapping[str, Any]]) -> str:
    """Write ``table.json`` and ``table.md`` in the recipe's work dir; return the Markdown.

    Args:
        plan: Plan of the recipe.
        rows: State of every step. Steps that are not finished are left out.

    Raises:
        InputError: If a column asks for a metric that its evaluation does not measure.
    """
    states = [(step, row) for step, row in zip(plan.steps, rows) if row.get('finished')]
    columns = columns_of(plan, states)
    values = {(init.name, column): column.values(init, states) for init in plan.inits for column in columns}
    verdicts = row_verdicts(plan.inits, states)
    advice = advise(plan.inits, columns, states)
    text = _text(plan, columns, values, verdicts) + _mean_class(plan, columns, states) + _advice(advice)
    data = _data(plan, columns, values, states)
    data['learned'] = {name: verdict.record() for name, verdict in verdicts.items() if verdict.phases}
    data['advice'] = [one.record() for one in advice]
    write_whole(plan.root / 'table.json', json.dumps(data, indent=1))
    write_whole(plan.root / 'table.md', text)
    return text


Values = Mapping[tuple[str, Column], Mapping[str, float]]


def _text(plan: Plan, columns: Sequence[Column], values: Values, verdicts: Mapping[str, RowVerdict]) -> str:
    heads = [column.title for column in columns]
    rows = [
        [
            init.title + verdicts[init.name].mark,
            *(interval(list(values[init.name, column].values())).text() for column in columns),
        ]
        for init in plan.inits
    ]
    title = str(plan.report.get('title') or plan.recipe.stem)
    spread = f'mean ± 95% interval (t) over {len(plan.runs)} run{"s" * (len(plan.runs) > 1)}, in percent'
    parts = [f'# {title}', spread, markdown(['', *heads], rows)]
    if plan.comparisons:
        parts.append('Paired differences in points; bold: the interval leaves out 0.')
        lines = [
            [
                found.title + verdicts[found.row].mark,
                *(signed(_difference(found.row, found.base, column, values)) for column in columns),
            ]
            for found in plan.comparisons
        ]
        parts.append(markdown(['', *heads], lines))
    parts += learned_notes(verdicts)
    return '\n\n'.join(parts) + '\n'


def _mean_class(plan: Plan, columns: Sequence[Column], states: States) -> str:
    """Mean class accuracy of the columns that have one, as a second table; empty if none has."""
    found = [(column, own) for column in columns if (own := mean_class_of(column, states)) is not None]
    rows = [
        [init.title, *(interval(list(own.values(init, states).values())).text() for _, own in found)]
        for init in plan.inits
    ]
    if not found:
        return ''
    table = markdown(['', *(column.title for column, _ in found)], rows)
    return f'\nMean class accuracy: each class counts the same, however many test videos it has.\n\n{table}\n'


def _advice(advice: Sequence[Advice]) -> str:
    return ''.join(['\nProbe or fine-tuning:\n\n', *(f'- {one.text}\n' for one in advice)]) if advice else ''


def learned_notes(verdicts: Mapping[str, RowVerdict]) -> list[str]:
    """Sentences below a table on what the pretext phases of its rows learned."""
    notes = []
    if any(verdict.mark for verdict in verdicts.values()):
        notes.append(
            'Not learned: on held-out clips the pretext task is not above the best constant answer with 95% confidence.'
        )
    if untested := untested_phases(verdicts):
        notes.append(f'Not tested on held-out clips: {", ".join(untested)}.')
    return notes


def _difference(row: str, base: str, column: Column, values: Values) -> Interval:
    return paired(values[row, column], values[base, column])


def signed(found: Interval) -> str:
    """A difference as text, bold if its interval leaves out 0."""
    return f'**{found.text(True)}**' if found.certain else found.text(True)


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ['| ' + ' | '.join(head) + ' |', '|' + '---|' * len(head)]
    return '\n'.join(lines + ['| ' + ' | '.join(row) + ' |' for row in rows])


def _data(plan: Plan, columns: Sequence[Column], values: Values, states: States) -> dict[str, Any]:
    cells = [_cell(init, column, values, states, plan.root) for init in plan.inits for column in columns]
    return dict(
        recipe=plan.recipe.name,
        title=str(plan.report.get('title') or plan.recipe.stem),
        runs=[run.name for run in plan.runs],
        rows={init.name: init.title for init in plan.inits},
        columns=[column.title for column in columns],
        cells=[cell for cell in cells if cell['values']],
        comparisons=[
            dict(row=found.row, base=found.base, title=found.title, column=column.title, **_number(difference))
            for found in plan.comparisons
            for column in columns
            if (difference := _difference(found.row, found.base, column, values)).count
        ],
        phases=[_phase(step, row) for step, row in states if step.row is None],
    )


def _cell(init: Init, column: Column, values: Values, states: States, root: Path) -> dict[str, Any]:
    found = values[init.name, column]
    steps = column.steps(init, states)
    return dict(
        row=init.name,
        column=column.title,
        evaluation=column.evaluation.name,
        metric=column.metric,
        labels=column.count,
        values=dict(found),
        **_number(interval(list(found.values()))),
        folders=[str(step.folder) for step, _ in steps],
        seconds=round(sum(row['seconds'] for _, row in steps), 1),
        protocols=[row.get('protocol') for _, row in steps],
    )


def _number(found: Interval) -> dict[str, Any]:
    return dict(mean=found.mean, half=None if found.half != found.half else found.half, n=found.count)


def _phase(step: Step, row: Mapping[str, Any]) -> dict[str, Any]:
    return dict(
        phase=step.kind,
        run=step.run.name,
        test=row.get('test', {}),
        pretext=verdict.record() if (verdict := result_of(row)) else None,
        train=row.get('train', {}),
        seconds=row['seconds'],
        folder=str(step.folder),
    )
