"""The report: one HTML file with the verdict on top, and the same numbers as JSON."""

from __future__ import annotations

import base64
import json
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets.preparation.labeled_list import listed, write_lines
from ..errors import as_typed
from ..files import save_figure, write_whole
from ..recipes.tables.intervals import Interval
from ..visualization.confusion import confusion_matrix, draw_confusion
from ..visualization.plain_text import figure_text, one_line
from .answers import Answer, curve_of
from .choice import Choice, Table
from .scores import PhaseResult
from .splits import Split
from .stores import CROP, FRAMES, JITTER, MAPS, QUALITY, SHORT_SIDE
from .videos import Found

LIST_FILE = 'videos.txt'
_COLOURS = dict(yes='#2e8b57', perhaps='#d9a400', no='#b03a2e')


@dataclass
class Page:
    """What the report shows, beside the table.

    Attributes:
        title: Heading.
        facts: Short facts below it.
        answers: Answers (a) to (f).
        phases: Results of the pretrainings.
        plan: Lines of the plan.
        commands: Commands that do the same by hand.
        command: Command that uses the model; '' without one.
        notes: Lines about the videos.
    """

    title: str
    facts: list[str]
    answers: list[Answer]
    phases: list[PhaseResult]
    plan: list[str]
    commands: list[str]
    command: str = ''
    notes: list[str] = field(default_factory=list)


def facts(found: Found, splits: Sequence[Split], minutes: float) -> list[str]:
    """Short facts for the head of the report."""
    groups = len({video.group for video in found.labeled})
    return [
        f'{len(found.labeled)} labelled clips',
        f'{len(found.classes)} classes',
        'no groups given' if found.units == 'clips' else f'{groups} {found.units}',
        f'{len(found.videos) - len(found.labeled)} videos without label',
        f'{len(splits)} splits',
        f'{minutes:g} minutes',
    ]


def write_page(out: Path, page: Page, table: Table, choice: Choice, found: Found) -> Path:
    """Write ``report.html`` and ``answers.json``; text from outside, such as file names, is escaped."""
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, keep_trailing_newline=True
    )
    regret, best = f'{100 * choice.regret:.1f}', table.rows[choice.best].title
    content = dict(
        title=one_line(page.title),
        facts=[one_line(fact) for fact in page.facts],
        verdict=one_line(page.answers[-1].sentence),
        colour=_COLOURS[choice.learnable],
        command=page.command,
        answers=[dict(vars(answer), sentence=one_line(answer.sentence)) for answer in page.answers],
        notes=[one_line(line) for line in page.notes],
        splits=len(table.splits),
        rows=table_rows(table, choice),
        constant=f'{100 * table.constant:.1f}',
        regret=regret,
        best=one_line(best),
        figures=_figures(out / 'pictures', table, choice, found),
        phases=[vars(phase) for phase in page.phases],
        plan=page.plan,
        commands=page.commands,
    )
    text = environment.get_template('page.html.j2').render(content)
    write_whole(out / 'report.html', text.encode('utf-8', 'backslashreplace'))
    write_whole(out / 'answers.json', json.dumps(as_data(page, table, choice), indent=1))
    return out / 'report.html'


def table_rows(table: Table, choice: Choice) -> list[dict[str, str]]:
    """Texts of the rows, the best to choose by first."""
    hits = table.chosen_by.hits
    order = sorted(table.rows, key=lambda name: -float(hits[name].mean()))
    made = []
    for name in order:
        row = table.rows[name]
        remark = 'chosen' if name == choice.row else 'not learned' if not row.learned else ''
        if not remark and row.still:
            remark = 'one still frame'
        made.append(
            dict(
                name=name,
                title=one_line(row.title),
                choice=table.chosen_by.interval(hits[name], shares=True).share_text(),
                test=table.interval(name).share_text(),
                classes=table.tested.class_accuracy(name).share_text(),
                remark=remark,
                kind='chosen' if name == choice.row else 'off' if remark else '',
            )
        )
    return made


def as_data(page: Page, table: Table, choice: Choice) -> dict[str, Any]:
    """Everything as plain data."""
    choices, tests = table.choice, table.test
    return dict(
        title=page.title,
        verdict=page.answers[-1].sentence,
        answers={answer.letter: answer.sentence for answer in page.answers},
        learnable=choice.learnable,
        chosen=choice.row,
        best_on_test=choice.best,
        regret=choice.regret,
        expected=choice.expected._asdict(),
        gain=choice.gain._asdict(),
        constant=table.constant,
        rows={
            name: dict(
                title=row.title, phase=row.phase, trains=row.trains, learned=row.learned, still=row.still,
                choice=choices[name], test=tests[name], interval=table.interval(name)._asdict(),
                mean_class_accuracy=table.tested.class_accuracy(name).mean,
            )
            for name, row in table.rows.items()
        },
        phases=[vars(phase) for phase in page.phases],
        notes=page.notes,
        command=page.command,
    )  # fmt: skip


def _figures(folder: Path, table: Table, choice: Choice, found: Found) -> list[dict[str, str]]:
    folder.mkdir(parents=True, exist_ok=True)
    made = [
        (
            _draw_rows(folder / 'rows.png', table, choice),
            'Test accuracy of each row',
            'Test accuracy of each row with its 95% interval. The line is the most frequent class.',
        )
    ]
    curve = curve_of(table)
    if curve is not None and len(curve[1]) > 1:
        picture = _draw_curve(folder / 'labels.png', curve[1], table, found)
        made.append(
            (picture, 'Learning curve', 'Test accuracy of the best frozen row by the number of labels per class.')
        )
    classes = found.classes
    if len(classes) <= 40:
        labels, answers = _answers_on_test(table, choice.row, found)
        counts = confusion_matrix(labels, answers, len(classes))
        picture = draw_confusion({table.rows[choice.row].title: counts}, classes, folder / 'confusion.png')
        made.append((picture, 'Confusion of the chosen row', 'Test clips of all splits: true class and answer.'))
    return [
        dict(data=base64.b64encode(path.read_bytes()).decode('ascii'), alt=alt, caption=caption)
        for path, alt, caption in made
    ]


def _answers_on_test(table: Table, name: str, found: Found) -> tuple[list[int], list[int]]:
    number = {label: i for i, label in enumerate(found.classes)}
    pairs = [
        (number[str(video.label)], table.rows[name].predictions[split.seed][video.name])
        for split in table.splits
        for video in split.test
        if video.name in table.rows[name].predictions[split.seed]
    ]
    return [label for label, _ in pairs], [answer for _, answer in pairs]


def _draw_rows(path: Path, table: Table, choice: Choice) -> Path:
    from matplotlib.figure import Figure

    names: Sequence[str] = sorted(table.rows, key=lambda name: float(table.tested.hits[name].mean()))
    figure = Figure(figsize=(8.4, 1.1 + 0.34 * len(names)), layout='constrained')
    axis = figure.subplots()
    for place, name in enumerate(names):
        found = table.interval(name)
        colour = '#009E73' if name == choice.row else '#999999' if not table.rows[name].learned else '#0072B2'
        axis.errorbar(100 * found.mean, place, xerr=_reach([found]), fmt='o', color=colour, capsize=3)
    axis.axvline(100 * table.constant, color='#555555', linewidth=1, linestyle=':')
    axis.set_yticks(range(len(names)), [figure_text(table.rows[name].title) for name in names], fontsize=8)
    legend = 'green: chosen, grey: pretraining not learned, dotted: always naming the most frequent class'
    axis.set_xlabel('test accuracy in percent', fontsize=9)
    figure.supxlabel(legend, fontsize=9)  # wider than the axis
    axis.set_ylim(-0.6, len(names) - 0.4)
    axis.set_xlim(left=0)
    return save_figure(figure, path, 110)


def _reach(spans: Sequence[Interval]) -> np.ndarray:
    """Points from each mean down and up to the ends of its interval, (2, N), for error bars."""
    return 100 * np.array([(span.mean - span.share_ends[0], span.share_ends[1] - span.mean) for span in spans]).T


def _draw_curve(path: Path, curve: dict[int, np.ndarray], table: Table, found: Found) -> Path:
    from matplotlib.figure import Figure

    per_class = len(table.splits[0].fit) / len(found.classes)
    places = [count or per_class for count in curve]
    spans = [table.tested.interval(values) for values in curve.values()]
    figure = Figure(figsize=(5.6, 3.4), layout='constrained')
    axis = figure.subplots()
    axis.errorbar(places, [100 * span.mean for span in spans], yerr=_reach(spans), fmt='o-', color='#0072B2', capsize=3)
    axis.axhline(100 * table.constant, color='#555555', linewidth=1, linestyle=':')
    axis.set_xscale('log')
    axis.set_xticks(places, [f'{place:.0f}' for place in places])
    axis.minorticks_off()
    axis.set_xlabel('labels per class; dotted: always naming the most frequent class', fontsize=9)
    axis.set_ylabel('test accuracy in percent', fontsize=9)
    axis.set_ylim(bottom=0)
    return save_figure(figure, path, 110)


def by_hand(videos: Path, out: Path, families: Mapping[str, Any], found: Found) -> list[str]:
    """Commands that do the same step by step. Windows of recordings are written to the list ``out/videos.txt``.

    Args:
        videos: Folder of the videos.
        out: Work dir.
        families: Families of maps that were packed, by name.
        found: The videos.
    """
    folder, work = shlex.quote(str(videos)), shlex.quote(os.path.relpath(out))
    prefix = ''
    if found.divided:
        write_lines(out / LIST_FILE, [listed(video.name) for video in found.videos])
        folder, prefix = f'{work}/{LIST_FILE}', f' --data-prefix {folder}'
    pack = 'python tools/data/pack_videos.py'
    commands = [
        f'python tools/data/check_videos.py {folder}{prefix}',
        f'{pack} {folder} {work}/{FRAMES}{prefix} --layout jpg --short-side {SHORT_SIDE} --quality {QUALITY}',
        *(
            f'{pack} {work}/{FRAMES} {work}/{MAPS}/{name} --layout features --trunk {work}/{MAPS}/{name}_trunk.py '
            f'--variants {family["variants"]} --no-flip --crop {CROP} --jitter {" ".join(map(str, JITTER))}'
            for name, family in families.items()
        ),
        f'python tools/run_recipe.py {work}/recipe.py --work-dir {work} --jobs 2',
    ]
    return [as_typed(command) for command in commands]
