"""Reads a recipe file and makes its steps, in the order of the run."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

from ..config.load import config_file, read_config
from ..config.loading.merge import merge
from ..config.loading.overrides import read_text, value_at
from ..config.loading.shipped import missing_config
from ..errors import InputError
from ..records.measured import measured_by
from .entries import (
    Comparison,
    Evaluation,
    Init,
    Phase,
    check_kinds,
    check_rows,
    check_steps,
    read_comparisons,
    read_evaluations,
    read_inits,
    read_phases,
)
from .running.budgets import has_own_steps
from .running.sharing import share_cells
from .runs import Run, Step, filled, list_variables, make_runs
from .tables.label_draws import Labels, draw_lists, read_labels


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
    if '::' in str(recipe):
        recipe = Path(config_file(str(recipe)))
    if not recipe.is_file():
        raise missing_config(str(recipe), recipe=True)
    return make_plan(recipe, read_config(str(recipe)), work_dir, options, seed=seed, seeds=seeds, lists=lists)


def make_plan(
    recipe: Path,
    content: Mapping[str, Any] | Config,
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
        work_dir: See :func:`auxskd_mm.recipes.run_recipe.run_recipe`.
        options: See :func:`auxskd_mm.recipes.run_recipe.run_recipe`.
        seed: See :func:`auxskd_mm.recipes.run_recipe.run_recipe`.
        seeds: See :func:`auxskd_mm.recipes.run_recipe.run_recipe`.
        lists: See :func:`auxskd_mm.recipes.run_recipe.run_recipe`.

    Raises:
        InputError: For a bad recipe or override.
    """
    if not content.get('phases') and not content.get('evaluations'):
        raise InputError(f'{recipe}: has no phases; expected a list of dict(name=..., config=...)')
    try:
        check_kinds(content)
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
    if shared := content.get('shared_cells'):
        share_cells(plan.steps, root / 'cells' if shared is True else Path(shared))
    started = {step.init for step in plan.steps}
    for step in plan.steps:
        used = not started.isdisjoint((step.folder, *step.folder.glob('*.pth')))
        step.keep_checkpoints = step.evaluation is None or used or bool(content.get('keep_checkpoints', True))
    return plan


def needed_steps(plan: Plan, rows: Sequence[str] = (), evaluations: Sequence[str] = ()) -> list[Step]:
    """The steps of some rows and evaluations, with the phases that they start from. Empty sequences stand for all.

    Raises:
        InputError: For a row or an evaluation that the recipe does not have.
    """
    for what, asked, known in (
        ('row', rows, [init.name for init in plan.inits]),
        ('evaluation', evaluations, [evaluation.name for evaluation in plan.evaluations]),
    ):
        if lost := [name for name in asked if name not in known]:
            raise InputError(f'{plan.recipe}: no {what} {lost[0]!r}; there are {known}')
    if not rows and not evaluations:
        return plan.steps
    chosen: list[Step] = []
    needed: set[Path] = set()
    for step in reversed(plan.steps):
        named = step.row is not None and (not rows or step.row.name in rows)
        measured = step.evaluation is not None and (not evaluations or step.evaluation.name in evaluations)
        if (named and measured) or step.folder in needed:
            chosen.append(step)
            needed |= {step.init} if step.init is not None else set()
    return chosen[::-1]


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
            for part in _parts(evaluation, run, drawn, filled(plan.labels.groups, variables) if plan.labels else None):
                steps.append(
                    Step(
                        f'{part.kind} from {init.name}',
                        part.kind,
                        base / evaluation.name / part.folder / init.name,
                        evaluation.config,
                        _with_given(
                            _merged(variables, evaluation.options, part.options, init.options, own),
                            _merged(variables, {k: v for k, v in evaluation.given.items() if k not in part.options}),
                        ),
                        run.seed,
                        start(init),
                        trains=evaluation.trains,
                        tests=True,
                        run=run,
                        row=init,
                        evaluation=evaluation,
                        steps=part.steps,
                        hooks=hooks,
                        count=part.labels,
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


def _with_given(options: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Options with those of the command line. They stand last, so that no wider key of a row undoes them."""
    return {**{key: value for key, value in options.items() if key not in given}, **given}


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
    labels: int | None


def _parts(evaluation: Evaluation, run: Run, drawn: Mapping[int, list[str]], groups: str | None) -> list[_Part]:
    steps = evaluation.steps
    if not evaluation.few:
        if isinstance(steps, dict):
            raise InputError(f'evaluation {evaluation.name!r}: steps by number of labels, but no labels=True')
        return [_Part(evaluation.name, '', {}, steps, None)]
    drawn = {count: drawn[count] for count in evaluation.counts(tuple(drawn))}
    if not evaluation.trains:
        few = dict(lists=dict(drawn), group_file=groups, seed=run.seed or 0)
        metrics = [dict(few, type='auxskd_mm.FewLabelsMetric'), *(dict(own, **few) for own in _searches(evaluation))]
        return [_Part(evaluation.name, '', {'test_evaluator': metrics}, None, None)]
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


def _searches(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Searches of probes in the config of an evaluation, which take the drawn lists, too."""
    measured = measured_by(Config.fromfile(str(evaluation.config)).test_evaluator)
    return [one.entry for one in measured if one.takes_lists]


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
                merge(config, {k: v for k, v in entry.options.items() if k == rest})
                value = read_text(text, value_at(config, rest), rest)
            if rest == 'steps' and _takes_steps(entry):
                entry.steps = check_steps(f'--cfg-options {key}', value)
                continue
            (entry.options if isinstance(entry, Phase) else entry.given)[rest] = value


def _takes_steps(entry: Phase | Evaluation) -> bool:
    """Whether a training has its number of steps from the recipe; see :func:`has_own_steps`."""
    trains = entry.steps != 0 if isinstance(entry, Phase) else entry.trains
    return trains and not has_own_steps(entry.config)
