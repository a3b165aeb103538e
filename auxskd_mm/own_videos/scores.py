"""Reads what the cells of the recipe found: predictions of every row in every split, and which phases have learned."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ..recipes.execute import FEATURES, read_classified
from ..recipes.plan import Plan
from ..recipes.tables.learned import result_of
from .probes import ProbeSettings, curve_of_cell, known_name, probe_cell
from .splits import Split
from .videos import Found


@dataclass
class Row:
    """A row of the table.

    Attributes:
        name: Name in the recipe.
        title: Title.
        family: Family of its features.
        learner: What learns on them; rows with one learner can be compared with and without pretraining.
        phase: Phase that it starts from, or None.
        trains: Whether it is fine-tuned; otherwise a probe on frozen features.
        still: Whether it sees one frame of each clip.
        predictions: Predicted class by name of the clip, by split.
        probes: Settings of its probe, by split.
        curves: For each split, what measures the learning curve of its probe: share of right draws of each test clip, by
            number of labels per class. It is measured when it is asked for, and kept.
        learned: Whether every phase that it starts from has learned its task.
    """

    name: str
    title: str
    family: str
    learner: str
    phase: str | None
    trains: bool
    still: bool
    predictions: dict[int, dict[str, int]] = field(default_factory=dict)
    probes: dict[int, ProbeSettings] = field(default_factory=dict)
    curves: dict[int, Callable[[], dict[str, dict[str, float]]]] = field(default_factory=dict)
    learned: bool = True


@dataclass(frozen=True)
class PhaseResult:
    """How a pretraining did on clips that it had not seen.

    Attributes:
        phase: Name of the phase.
        split: Number of the split.
        learned: Whether it is above the best constant answer with 95% confidence.
        text: Score and constant answer in words.
    """

    phase: str
    split: int
    learned: bool
    text: str


def read_rows(
    plan: Plan,
    states: Sequence[Mapping[str, Any]],
    kinds: Mapping[str, Any],
    splits: Sequence[Split],
    found: Found,
    tell: Callable[[str], object],
) -> tuple[dict[str, Row], list[PhaseResult]]:
    """All rows that were measured, and the results of the pretrainings.

    Args:
        plan: Plan of the recipe.
        states: State of every step; {} for a step that was not run.
        kinds: See :func:`auxskd_mm.own_videos.content.rows_of`.
        splits: The splits, in the order of their seeds.
        found: The videos.
        tell: Takes a line about each probe, which takes seconds.
    """
    rows = {init.name: Row(init.name, **kinds[init.name]) for init in plan.inits}
    groups = {video.name: video.group for video in found.labeled}
    phases = []
    finished = [(step, state) for step, state in zip(plan.steps, states) if state.get('finished')]
    probes = sum(step.row is not None and not rows[step.row.name].trains for step, _ in finished)
    done, began = 0, time.monotonic()
    for step, state in finished:
        split = splits[int(step.run.seed or 0)]
        if step.row is None:
            phases.append(phase_result(step.kind, split.seed, state))
            continue
        row = rows[step.row.name]
        if row.trains:
            answers = read_classified(step)
            assert answers is not None
            named = zip(answers['names'], answers['predictions'])
        else:
            folder = step.folder / FEATURES
            probed = probe_cell(folder, groups, split.seed)
            row.probes[split.seed] = probed.choice
            done += 1
            left = (time.monotonic() - began) / done * (probes - done)
            tell(f'probe {done} of {probes} on frozen features, about {left:.0f} s left')
            tested = {video.name for video in split.test}
            row.curves[split.seed] = partial(curve_of_cell, folder, tested, probed.choice, split.seed)
            named = zip(probed.predictions, probed.predictions.values())
        row.predictions[split.seed] = {str(known_name(path, groups)): int(answer) for path, answer in named}
    for row in rows.values():
        own = [result.learned for result in phases if result.phase == row.phase]
        row.learned = row.phase is None or (bool(own) and all(own))
    return rows, phases


def phase_result(phase: str, split: int, state: Mapping[str, Any]) -> PhaseResult:
    """The result of a pretraining from the state of its step. Without a test nothing counts as learned."""
    result = result_of(state)
    if result is None:
        return PhaseResult(phase, split, False, 'no test on held-out clips')
    return PhaseResult(phase, split, result.learned, result.text)


def constant_answer(split: Split) -> str:
    """The most frequent class among the clips to learn from; of equal ones the first by name."""
    labels = [str(video.label) for video in split.fit]
    return max(sorted(set(labels)), key=labels.count)
