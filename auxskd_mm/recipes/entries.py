"""The entries of a recipe file: phases, rows (inits) and columns (evaluations), checked."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ..errors import InputError

_NAME = re.compile(r'[\w.-]+')


@dataclass
class Phase:
    """A training, with a test of its own if ``test`` is true.

    Attributes:
        name: Name of the phase and of its folder.
        config: Config file.
        options: Overrides as for ``--cfg-options``.
        init_from: Name of the earlier phase whose weights this phase starts from.
        test: Whether the phase ends with a test on its ``test_dataloader``.
    """

    name: str
    config: Path
    options: dict[str, Any] = field(default_factory=dict)
    init_from: str | None = None
    test: bool = False


@dataclass
class Init:
    """A row of the report: the weights that every evaluation starts from.

    Attributes:
        name: Name of the row and of its folder.
        title: Title of the row in the report.
        init_from: Name of the phase that made the weights, or None.
        checkpoint: Checkpoint file from elsewhere, in place of a phase.
        options: Overrides for every evaluation of this row.
    """

    name: str
    title: str
    init_from: str | None = None
    checkpoint: str | None = None
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class Evaluation:
    """Columns of the report: one config that is tested, after a training if it has one.

    Attributes:
        name: Name of the evaluation and of its folder.
        config: Config file.
        options: Overrides.
        columns: Title in the report and name of the metric for each column. Empty takes every ``top1`` and ``R@1``.
        trains: Whether the config has a training.
    """

    name: str
    config: Path
    options: dict[str, Any]
    columns: dict[str, str]
    trains: bool


def read_phases(entries: Sequence[Mapping[str, Any]], folder: Path) -> list[Phase]:
    """The ``phases`` of a recipe.

    Raises:
        InputError: For a missing or unknown key, a config that does not exist, or an order that cannot be run.
    """
    phases = []
    for entry in entries:
        _check_keys('phase', entry, {'name', 'config'}, {'options', 'init_from', 'test'})
        name = _check_name('phase', entry)
        phases.append(
            Phase(
                name,
                _find_config('phase', name, entry, folder),
                dict(entry.get('options') or {}),
                entry.get('init_from'),
                bool(entry.get('test', False)),
            )
        )
    names = [phase.name for phase in phases]
    _check_different('phases', names)
    for i, phase in enumerate(phases):
        if phase.init_from is not None and phase.init_from not in names[:i]:
            raise InputError(
                f'phase {phase.name!r}: init_from={phase.init_from!r} is not an earlier phase ({names[:i]})'
            )
    return phases


def read_inits(entries: Sequence[Mapping[str, Any]], phases: Sequence[Phase]) -> list[Init]:
    """The ``inits`` of a recipe; see :class:`Init`.

    Raises:
        InputError: As :func:`read_phases`.
    """
    inits, known = [], [phase.name for phase in phases]
    for entry in entries:
        _check_keys('init', entry, {'name'}, {'title', 'init_from', 'checkpoint', 'options'})
        name, phase, checkpoint = _check_name('init', entry), entry.get('init_from'), entry.get('checkpoint')
        if phase is not None and phase not in known:
            raise InputError(f'init {name!r}: init_from={phase!r} is not a phase ({known})')
        if phase is not None and checkpoint is not None:
            raise InputError(f'init {name!r}: give init_from or checkpoint, not both')
        inits.append(Init(name, str(entry.get('title', name)), phase, checkpoint, dict(entry.get('options') or {})))
    _check_different('inits', [init.name for init in inits])
    return inits


def read_evaluations(entries: Sequence[Mapping[str, Any]], folder: Path, phases: Sequence[Phase]) -> list[Evaluation]:
    """The ``evaluations`` of a recipe; see :class:`Evaluation`.

    Raises:
        InputError: See :func:`read_phases`. Also if a config has no test.
    """
    evaluations = []
    for entry in entries:
        _check_keys('evaluation', entry, {'name', 'config'}, {'options', 'columns'})
        name = _check_name('evaluation', entry)
        path = _find_config('evaluation', name, entry, folder)
        config = Config.fromfile(str(path))
        if config.get('test_evaluator') is None:
            raise InputError(f'evaluation {name!r}: {path} has no test_evaluator')
        columns = {str(title): str(metric) for title, metric in (entry.get('columns') or {}).items()}
        options = dict(entry.get('options') or {})
        evaluations.append(Evaluation(name, path, options, columns, config.get('train_cfg') is not None))
    names = [phase.name for phase in phases] + [evaluation.name for evaluation in evaluations]
    _check_different('evaluations or phases', names)
    return evaluations


def _check_keys(kind: str, entry: Mapping[str, Any], needed: set[str], optional: set[str]) -> None:
    unknown = set(entry) - needed - optional
    if unknown or not needed <= set(entry):
        raise InputError(
            f'{kind} {dict(entry)}: needs {" and ".join(sorted(needed, reverse=True))}, may have '
            f'{", ".join(sorted(optional))}; unknown: {sorted(unknown)}'
        )


def _check_name(kind: str, entry: Mapping[str, Any]) -> str:
    name = str(entry['name'])
    if not _NAME.fullmatch(name):
        raise InputError(f'{kind} {name!r}: expected a name of letters, digits, _ . and -, since it is a folder, too')
    return name


def _check_different(what: str, names: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        raise InputError(f'two {what} have the same name: {list(names)}')


def _find_config(kind: str, name: str, entry: Mapping[str, Any], folder: Path) -> Path:
    path = Path(os.path.normpath(folder / entry['config']))
    if not path.is_file():
        raise InputError(f'{kind} {name!r}: no config {path}')
    return path
