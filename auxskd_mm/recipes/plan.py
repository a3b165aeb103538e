"""Reads a recipe file and makes its steps, in the order of the run."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ..config.loading.overrides import read_text, value_at
from ..datasets.class_labels import read_class_names
from ..errors import InputError
from .entries import Evaluation, Init, Phase, read_evaluations, read_inits, read_phases
from .step_records import digest


@dataclass(frozen=True)
class Run:
    """One run of a recipe: a seed and, if there are several splits, a split."""

    name: str
    seed: int | None
    lists: str | None


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

    def fingerprint(self, root: Path) -> str:
        """Digest of all inputs of the step, including the content of its config."""
        init = os.path.relpath(self.init, root) if self.init is not None else ''
        facts = [Config.fromfile(str(self.config)).to_dict(), self.options, init, self.seed, self.trains, self.tests]
        return digest(facts)


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
    """

    recipe: Path
    root: Path
    runs: list[Run]
    steps: list[Step]
    inits: list[Init] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)


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
    config = Config.fromfile(str(recipe))
    if not config.get('phases') and not config.get('evaluations'):
        raise InputError(f'{recipe}: has no phases; expected a list of dict(name=..., config=...)')
    try:
        phases = read_phases(config.get('phases') or [], recipe.parent)
        inits = read_inits(config.get('inits') or [], phases)
        evaluations = read_evaluations(config.get('evaluations') or [], recipe.parent, phases)
    except InputError as error:
        raise InputError(f'{recipe}: {error}') from None
    if bool(inits) != bool(evaluations):
        raise InputError(f'{recipe}: has inits or evaluations without the other; the report is a table of both')
    _override([*phases, *evaluations], phases, options)
    root = Path(work_dir or config.get('work_dir') or Path('work_dirs', recipe.stem))
    runs = make_runs(seed, seeds or config.get('seeds') or (), lists or config.get('lists') or ())
    steps = [step for run in runs for step in _steps(run, root, phases, inits, evaluations)]
    report = copy.deepcopy(dict(config.get('report') or {}))
    return Plan(recipe, root, runs, steps, inits, evaluations, report)


def make_runs(seed: int | None, seeds: Sequence[int], lists: Sequence[str] | str) -> list[Run]:
    """List the runs: every split with every seed. Each has its own folder if the recipe lists seeds or splits."""
    if seed is not None:
        seeds = ()
    several = [lists] if isinstance(lists, str) else list(lists)
    if len(set(seeds)) < len(seeds) or len(set(several)) < len(several):
        raise InputError(f'seeds {list(seeds)}, lists {several}: expected different ones')
    runs = []
    for i, folder in enumerate(several or [None]):
        numbers: list[int | None] = list(seeds) or [seed]
        for number in numbers:
            parts = [f'split{i}'] if folder is not None and not isinstance(lists, str) else []
            parts += [f'seed{number}'] if seeds else []
            runs.append(Run('_'.join(parts), number, folder))
    return runs


def list_variables(run: Run) -> dict[str, Any]:
    """Return the values of ``{lists}`` and ``{num_classes}`` in a run.

    Raises:
        InputError: If the folder has no ``classes.txt``.
    """
    if run.lists is None:
        return {}
    classes = Path(run.lists, 'classes.txt')
    if not classes.is_file():
        raise InputError(
            f'{classes}: no such file; make the lists with tools/data/prepare_folder.py VIDEOS {run.lists}, or name '
            'their folder with --lists'
        )
    return dict(lists=run.lists, num_classes=len(read_class_names(classes)))


def _filled(value: object, variables: Mapping[str, Any]) -> Any:
    """Replace ``{lists}`` and ``{num_classes}`` in an option. An option that is only a placeholder takes the value's type."""
    if isinstance(value, Mapping):
        return {key: _filled(item, variables) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_filled(item, variables) for item in value)
    if isinstance(value, str):
        for name, filling in variables.items():
            if value == f'{{{name}}}':
                return filling
            value = value.replace(f'{{{name}}}', str(filling))
    return value


def _steps(
    run: Run, root: Path, phases: Sequence[Phase], inits: Sequence[Init], evaluations: Sequence[Evaluation]
) -> list[Step]:
    base, variables = root / run.name, list_variables(run)

    def options(*parts: Mapping[str, Any]) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for part in parts:
            merged.update(copy.deepcopy(dict(part)))
        return dict(_filled(merged, variables))

    steps = [
        Step(
            phase.name,
            phase.name,
            base / phase.name,
            phase.config,
            options(phase.options),
            run.seed,
            base / phase.init_from if phase.init_from else None,
            trains=True,
            tests=phase.test,
            run=run,
        )
        for phase in phases
    ]
    for evaluation in evaluations:
        for init in inits:
            start = base / init.init_from if init.init_from else Path(init.checkpoint) if init.checkpoint else None
            steps.append(
                Step(
                    f'{evaluation.name} from {init.name}',
                    evaluation.name,
                    base / evaluation.name / init.name,
                    evaluation.config,
                    options(evaluation.options, init.options),
                    run.seed,
                    start,
                    trains=evaluation.trains,
                    tests=True,
                    run=run,
                    row=init,
                    evaluation=evaluation,
                )
            )
    for step in steps:
        step.label = f'{run.name}: {step.label}' if run.name else step.label
    return steps


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
