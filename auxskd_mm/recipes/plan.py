"""Reads a recipe file and makes its steps, in the order of the run."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

from ..config.loading.overrides import read_text, value_at
from ..errors import InputError
from .entries import (
    Comparison,
    Evaluation,
    Init,
    Phase,
    check_rows,
    read_comparisons,
    read_evaluations,
    read_inits,
    read_phases,
)
from .runs import Run, filled, list_variables, make_runs
from .step_records import digest
from .tables.label_draws import Labels, draw_lists, read_labels


@dataclass
class Step:
    """One training, test, or both.

    Attributes:
        label: Name of the step in the log.
        kind: Phase or evaluation that the step belongs to. Steps of one kind take about the same time in every run.
        folder: Work dir.
        config: Config file.
        options: Overrides, with their placeholders filled.
        seed: Random seed.
        init: Work dir of the step whose weights this step starts from, a checkpoint file, or None.
        trains: Whether the step has a training.
        tests: Whether the step has a test.
        run: Run of the recipe that the step belongs to.
        row: Init of an evaluation; None for a phase.
        evaluation: The evaluation; None for a phase.
        steps: Number of training steps; None leaves the length to the config.
        hooks: Hooks to add to those of a training with ``steps``.
        count: Number of labels per class that a training uses; None if it is not one of several. 0 stands for all.
        key: Digest of all inputs, if the folder is shared; see :func:`auxskd_mm.recipes.running.sharing.share_cells`.
    """

    label: str
    kind: str
    folder: Path
    config: Path
    options: dict[str, Any]
    seed: int | None
    init: Path | None
    trains: bool
    tests: bool
    run: Run
    row: Init | None = None
    evaluation: Evaluation | None = None
    steps: int | None = None
    hooks: Sequence[Mapping[str, Any]] = ()
    count: int | None = None
    key: str | None = None

    def fingerprint(self, root: Path) -> str:
        """Digest of all inputs of the step, including the content of its config."""
        if self.key is not None:
            return self.key
        init = os.path.relpath(self.init, root) if self.init is not None else ''
        facts = [Config.fromfile(str(self.config)).to_dict(), self.options, init, self.seed, self.trains, self.tests]
        return digest([*facts, self.steps, list(self.hooks)] if self.steps is not None else facts)


@dataclass
class Plan:
    """The content of a recipe: its runs and all their steps.

    Attributes:
        recipe: File of the recipe.
        root: Work dir of the recipe.
        runs: Runs of the recipe, one per seed and split.
        steps: All steps in order.
        inits: Rows of the report.
        evaluations: Columns of the report.
        report: The recipe's ``report``: ``title`` and ``classes``, a file with one class per line.
        labels: Numbers of labels per class, for the evaluations with ``labels=True``.
        comparisons: Paired differences between rows.
    """

    recipe: Path
    root: Path
    runs: list[Run]
    steps: list[Step]
    inits: list[Init] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)
    labels: Labels | None = None
    comparisons: list[Comparison] = field(default_factory=list)


def plan_recipe(
    recipe: Path,
    work_dir: str | Path | None,
    options: Mapping[str, Any],
    *,
    seed: int | None = None,
    seeds: Sequence[int] = (),
    lists: Sequence[str] = (),
) -> Plan:
    """Read a recipe; see :func:`auxskd_mm.recipes.run_recipe.run_recipe` for the arguments.

    Raises:
        InputError: For a bad recipe or override.
    """
    if not recipe.is_file():
        raise InputError(f'{recipe}: no such recipe')
    return make_plan(recipe, Config.fromfile(str(recipe)), work_dir, options, seed=seed, seeds=seeds, lists=lists)


def make_plan(
    recipe: Path,
    content: Mapping[str, Any],
    work_dir: str | Path | None = None,
    options: Mapping[str, Any] | None = None,
    *,
    seed: int | None = None,
    seeds: Sequence[int] = (),
    lists: Sequence[str] | str = (),
) -> Plan:
    """Make the plan of a recipe's content.

    Args:
        recipe: File of the recipe. Its name names the recipe, and its config paths are relative to its folder.
        content: The entries of the recipe.
        work_dir: See :func:`auxskd_mm.recipes.run_recipe.run_recipe`, as for the other arguments.

    Raises:
        InputError: For a bad recipe or override.
    """
    if not content.get('phases') and not content.get('evaluations'):
        raise InputError(f'{recipe}: has no phases; expected a list of dict(name=..., config=...)')
    try:
        phases = read_phases(content.get('phases') or [], recipe.parent)
        inits = read_inits(content.get('inits') or [], phases)
        evaluations = read_evaluations(content.get('evaluations') or [], recipe.parent, phases)
        check_rows(inits, evaluations)
        labels = read_labels(content.get('labels'))
        comparisons = read_comparisons(content.get('comparisons') or [], inits)
        if labels is None and (few := [evaluation.name for evaluation in evaluations if evaluation.few]):
            raise InputError(f'evaluation {few[0]!r}: has labels=True, but the recipe has no labels=dict(train=...)')
    except InputError as error:
        raise InputError(f'{recipe}: {error}') from None
    if bool(inits) != bool(evaluations):
        raise InputError(f'{recipe}: has inits or evaluations without the other; the report is a table of both')
    _override([*phases, *evaluations], phases, options or {})
    root = Path(work_dir or content.get('work_dir') or Path('work_dirs', recipe.stem))
    runs = make_runs(seed, seeds or content.get('seeds') or (), lists or content.get('lists') or ())
    plan = Plan(recipe, root, runs, [], inits, evaluations, labels=labels, comparisons=comparisons)
    plan.report = copy.deepcopy(dict(content.get('report') or {}))
    hooks = list(content.get('hooks') or ())
    plan.steps = [step for run in runs for step in _steps(plan, run, phases, hooks)]
    return plan


def _steps(plan: Plan, run: Run, phases: Sequence[Phase], hooks: Sequence[Mapping[str, Any]]) -> list[Step]:
    """The steps of one run: all phases, then every evaluation of every row."""
    base, variables = plan.root / run.name, list_variables(run)

    def start(entry: Phase | Init) -> Path | None:
        if entry.init_from:
            return base / entry.init_from
        return Path(filled(entry.checkpoint, variables)) if entry.checkpoint else None

    steps = [
        Step(
            phase.name,
            phase.name,
            base / phase.name,
            phase.config,
            _merged(variables, phase.options),
            run.seed,
            start(phase),
            trains=phase.steps != 0,
            tests=phase.test,
            run=run,
            steps=phase.steps,
            hooks=hooks,
        )
        for phase in phases
    ]
    drawn = _drawn(plan, run, variables) if any(evaluation.few for evaluation in plan.evaluations) else {}
    for evaluation in plan.evaluations:
        for init in plan.inits:
            if init.evaluations and evaluation.name not in init.evaluations:
                continue
            own = init.evaluation_options.get(evaluation.name, {})
            for part in _parts(evaluation, run, drawn, plan.labels and filled(plan.labels.groups, variables)):
                steps.append(
                    Step(
                        f'{part.kind} from {init.name}',
                        part.kind,
                        base / evaluation.name / part.folder / init.name,
                        evaluation.config,
                        _merged(variables, evaluation.options, part.options, init.options, own),
                        run.seed,
                        start(init),
                        trains=evaluation.trains,
                        tests=True,
                        run=run,
                        row=init,
                        evaluation=evaluation,
                        steps=part.steps,
                        hooks=hooks,
                        count=part.count,
                    )
                )
    for step in steps:
        step.label = f'{run.name}: {step.label}' if run.name else step.label
    return steps


def _merged(variables: Mapping[str, Any], *parts: Mapping[str, Any]) -> dict[str, Any]:
    """Merge options, the later ones last, and fill their placeholders."""
    merged: dict[str, Any] = {}
    for part in parts:
        merged.update(copy.deepcopy(dict(part)))
    return dict(filled(merged, variables))


def _drawn(plan: Plan, run: Run, variables: Mapping[str, Any]) -> dict[int, list[str]]:
    assert plan.labels is not None
    train = Path(filled(plan.labels.train, variables))
    return draw_lists(plan.labels, train, plan.root / 'labels' / (run.name or 'run'), run.seed or 0)


class _Part(NamedTuple):
    """One measurement of an evaluation: all of it, or a training with one drawn list."""

    kind: str
    folder: str
    options: dict[str, Any]
    steps: int | None
    count: int | None


def _parts(evaluation: Evaluation, run: Run, drawn: Mapping[int, list[str]], groups: str | None) -> list[_Part]:
    steps = evaluation.steps
    if not evaluation.few:
        if isinstance(steps, dict):
            raise InputError(f'evaluation {evaluation.name!r}: steps by number of labels, but no labels=True')
        return [_Part(evaluation.name, '', {}, steps, None)]
    if not evaluation.trains:
        metric = dict(type='auxskd_mm.FewLabelsMetric', lists=dict(drawn), group_file=groups, seed=run.seed or 0)
        return [_Part(evaluation.name, '', {'test_evaluator': [metric]}, None, None)]
    made = []
    for count, files in drawn.items():
        budget = steps.get(count) if isinstance(steps, dict) else steps
        if isinstance(steps, dict) and budget is None:
            raise InputError(f'evaluation {evaluation.name!r}: steps={steps} has no entry for {count or "all"} labels')
        for draw, file in enumerate(files):
            name = f'{count or "all"}_{draw}' if len(files) > 1 else str(count or 'all')
            kind = f'{evaluation.name}@{count or "all"}'
            made.append(_Part(kind, name, {evaluation.train_list: file}, budget, count))
    return made


def _override(entries: Sequence[Phase | Evaluation], phases: Sequence[Phase], options: Mapping[str, Any]) -> None:
    names = [entry.name for entry in entries]
    for key, value in options.items():
        name, _, rest = key.partition('.')
        if name not in [*names, 'all'] or not rest:
            raise InputError(
                f"--cfg-options {key}: expected '<phase>.<key>' or 'all.<key>' (all phases, and every evaluation whose "
                f'config has that key); there are {names}'
            )
        if name == 'all':
            chosen = [
                entry
                for entry in entries
                if entry in phases or value_at(Config.fromfile(str(entry.config)), rest, None) is not None
            ]
        else:
            chosen = [entry for entry in entries if entry.name == name]
        if not chosen:
            raise InputError(f'--cfg-options {key}: no config of this recipe has {rest}')
        for entry in chosen:
            if text := getattr(options, 'texts', {}).get(key):  # its meaning depends on the value that it replaces
                config = Config.fromfile(str(entry.config))
                config.merge_from_dict({k: v for k, v in entry.options.items() if k == rest})
                value = read_text(text, value_at(config, rest), rest)
            entry.options[rest] = value
