"""One report of a recipe: ``report.html`` (whole in one file), ``report.md`` with pictures beside it, ``results.json``."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..files import write_whole
from ..visualization.plain_text import markdown_text, one_line
from .report_table import Line, compare_protocols


@dataclass(frozen=True)
class Figure:
    """A picture of a report.

    Attributes:
        file: PNG in the report's folder.
        alt: Text alternative of the picture.
        caption: Text below it.
        details: Lines that the page folds away, such as file names.
    """

    file: Path
    alt: str
    caption: str
    details: Sequence[str] = ()


@dataclass
class Report:
    """Everything that a report shows.

    Attributes:
        title: Heading of the report.
        facts: Short facts below it.
        rows: Titles of the weights.
        columns: Titles of the measures.
        lines: The numbers of the report.
        runs: Number of runs that the numbers come from.
        phases: ``name`` and ``text`` for each test of a pretext phase on held-out clips.
        notes: Sentences below the numbers.
        sections: Figures by heading.
        steps: ``name``, ``seconds`` and ``commands`` for each step.
    """

    title: str
    facts: list[str]
    rows: list[str]
    columns: list[str]
    lines: list[Line]
    runs: int
    phases: list[Mapping[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    sections: dict[str, list[Figure]] = field(default_factory=dict)
    steps: list[Mapping[str, Any]] = field(default_factory=list)


def write_report(report: Report, folder: str | Path) -> Path:
    """Write a report.

    Text from outside, such as file names, is escaped. It never becomes markup.

    Args:
        report: Content of the report. Its figures must be in the folder already.
        folder: Folder to write to.

    Returns:
        Path of ``report.html``.
    """
    from jinja2 import Environment, FileSystemLoader

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=lambda name: str(name).endswith('.html.j2'),
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters['md'] = markdown_text
    content = _content(report)
    write_whole(folder / 'results.json', json.dumps(_data(report), indent=1))
    for name in ('report.md', 'report.html'):
        page = environment.get_template(f'{name}.j2').render(content)
        write_whole(folder / name, page.encode('utf-8', 'backslashreplace'))
    return folder / 'report.html'


def _content(report: Report) -> dict[str, Any]:
    by_place = {(line.row, line.column): line for line in report.lines}
    table = []
    for row in report.rows:
        places = [by_place.get((row, column)) for column in report.columns]
        table.append(dict(title=one_line(row), cells=[line.cell.text if line else '-' for line in places]))
    chance = []
    for column in report.columns:
        known = [line.chance for line in report.lines if line.column == column and line.chance is not None]
        chance.append(f'{100 * known[0]:.1f}' if known else '-')
    common, differing, values = compare_protocols(report.lines)
    return dict(
        title=one_line(report.title),
        facts=[one_line(fact) for fact in report.facts],
        runs=report.runs,
        several=report.runs > 1,
        columns=[one_line(column) for column in report.columns],
        table=table,
        chance=chance,
        phases=[{key: one_line(value) for key, value in phase.items()} for phase in report.phases],
        notes=[one_line(note) for note in report.notes],
        sections=[
            dict(title=title, figures=[_figure(figure) for figure in figures])
            for title, figures in report.sections.items()
            if figures
        ],
        common={one_line(key): one_line(value) for key, value in common.items()},
        differing=differing,
        numbers=[_number(line, own) for line, own in zip(report.lines, values)],
        steps=[
            dict(
                name=one_line(step['name']),
                minutes=f'{step["seconds"] / 60:.1f}',
                commands=[one_line(command) for command in step['commands']],
            )
            for step in report.steps
        ],
    )


def _number(line: Line, values: Sequence[str]) -> dict[str, Any]:
    return dict(
        row=one_line(line.row),
        column=one_line(line.column),
        text=line.cell.text,
        n=len(line.cell.values),
        fields=[one_line(value) for value in values],
        values_text=', '.join(f'{100 * value:.1f}' for value in line.cell.values),
        full=json.dumps(line.protocols, indent=1),
    )


def _figure(figure: Figure) -> dict[str, Any]:
    return dict(
        file=figure.file.name,
        data=base64.b64encode(figure.file.read_bytes()).decode('ascii'),
        alt=one_line(figure.alt),
        caption=one_line(figure.caption),
        details=[one_line(text) for text in figure.details],
    )


def _data(report: Report) -> dict[str, Any]:
    return dict(
        title=report.title,
        runs=report.runs,
        rows=report.rows,
        columns=report.columns,
        phases=[dict(phase) for phase in report.phases],
        numbers=[
            {**{item.name: getattr(line, item.name) for item in dataclasses.fields(line)}, 'cell': _cell(line)}
            for line in report.lines
        ],
        figures=[figure.file.name for figures in report.sections.values() for figure in figures],
        steps=[dict(step) for step in report.steps],
    )


def _cell(line: Line) -> dict[str, Any]:
    return {**dataclasses.asdict(line.cell), 'n': len(line.cell.values)}
