"""The runs of a recipe, one per seed and split, their steps, and the placeholders of options."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ..datasets.class_labels import read_class_names
from ..errors import InputError
from .entries import Evaluation, Init
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
        steps: Number of training steps; None leaves the length to the config.
        hooks: Hooks to add to those of a training with ``steps``.
        count: Number of labels per class that a training uses; None if it is not one of several. 0 stands for all.
        key: Digest of all inputs, if the folder is shared; see :func:`auxskd_mm.recipes.running.sharing.share_cells`.
        keep_checkpoints: Whether the checkpoints stay after the test. They do not change the digest.
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
    keep_checkpoints: bool = True

    @property
    def length(self) -> int | None:
        """Number of training steps, also where an override gives it. None leaves the length to the config."""
        given = self.options.get('steps')
        return given if isinstance(given, int) and self.steps else self.steps

    def fingerprint(self, root: Path) -> str:
        """Digest of all inputs of the step, including the content of its config."""
        if self.key is not None:
            return self.key
        init = os.path.relpath(self.init, root) if self.init is not None else ''
        facts = [Config.fromfile(str(self.config)).to_dict(), self.options, init, self.seed, self.trains, self.tests]
        return digest([*facts, self.steps, list(self.hooks)] if self.steps is not None else facts)


def make_runs(seed: int | None, seeds: Sequence[int], lists: Sequence[str] | str) -> list[Run]:
    """List the runs: every split with every seed. Each has its own folder if the recipe lists seeds or splits.

    One folder of lists with ``{seed}`` in its name gives every seed its own split.

    Raises:
        InputError: If a seed or a folder of lists is named twice.
    """
    if seed is not None:
        seeds = ()
    several = [lists] if isinstance(lists, str) else list(lists)
    folders = {os.path.normpath(folder) for folder in several}  # lists and lists/ are one split, not two runs
    if len(set(seeds)) < len(seeds) or len(folders) < len(several):
        raise InputError(f'seeds {list(seeds)}, lists {several}: expected different ones')
    runs = []
    for i, folder in enumerate(several or [None]):
        numbers: list[int | None] = list(seeds) or [seed]
        for number in numbers:
            parts = [f'split{i}'] if folder is not None and not isinstance(lists, str) else []
            parts += [f'seed{number}'] if seeds else []
            runs.append(Run('_'.join(parts), number, _of_seed(folder, number)))
    return runs


def _of_seed(folder: str | None, seed: int | None) -> str | None:
    return folder if folder is None or seed is None else folder.replace('{seed}', str(seed))


def list_variables(run: Run) -> dict[str, Any]:
    """Return the values of ``{lists}``, ``{num_classes}`` and ``{seed}`` in a run.

    Raises:
        InputError: If the folder has no ``classes.txt``.
    """
    seed: dict[str, Any] = {} if run.seed is None else dict(seed=run.seed)
    if run.lists is None:
        return seed
    classes = Path(run.lists, 'classes.txt')
    if not classes.is_file():
        raise InputError(
            f'{classes}: no such file; make the lists with tools/data/prepare_folder.py VIDEOS {run.lists}, or name '
            'their folder with --lists'
        )
    return dict(lists=run.lists, num_classes=len(read_class_names(classes)), **seed)


def filled(value: object, variables: Mapping[str, Any]) -> Any:
    """Replace the placeholders in an option. An option that is only a placeholder takes the value's type."""
    if isinstance(value, Mapping):
        return {key: filled(item, variables) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(filled(item, variables) for item in value)
    if isinstance(value, str):
        for name, filling in variables.items():
            if value == f'{{{name}}}':
                return filling
            value = value.replace(f'{{{name}}}', str(filling))
    return value
