"""The entries of a recipe file: phases, rows (inits) and columns (evaluations), checked."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ..config.load import read_config
from ..errors import InputError

_NAME = re.compile(r'[\w.-]+')
_OF_ROWS = ('evaluations', 'evaluation_options')


@dataclass
class Phase:
    """A training, with a test of its own if ``test`` is true.

    Attributes:
        name: Name of the phase and of its folder.
        config: Config file.
        options: Overrides as for ``--cfg-options``.
        init_from: Name of the earlier phase whose weights this phase starts from.
        test: Whether the phase ends with a test on its ``test_dataloader``.
        steps: Number of training steps. None leaves the length to the config. 0 only tests ``init_from``'s weights.
        checkpoint: Checkpoint file from elsewhere to start from, in place of a phase.
    """

    name: str
    config: Path
    options: dict[str, Any] = field(default_factory=dict)
    init_from: str | None = None
    test: bool = False
    steps: int | None = None
    checkpoint: str | None = None


@dataclass
class Init:
    """A row of the report: the weights that every evaluation starts from.

    Attributes:
        name: Name of the row and of its folder.
        title: Title of the row in the report.
        init_from: Name of the phase that made the weights, or None.
        checkpoint: Checkpoint file from elsewhere, in place of a phase.
        options: Overrides for every evaluation of this row.
        evaluations: Names of the evaluations of this row, empty for all.
        evaluation_options: Further overrides by the name of the evaluation.
    """

    name: str
    title: str
    init_from: str | None = None
    checkpoint: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    evaluations: tuple[str, ...] = ()
    evaluation_options: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """A paired difference between two rows, over the runs that both have."""

    row: str
    base: str
    title: str


@dataclass(eq=False)
class Evaluation:
    """Columns of the report: one config that is tested, after a training if it has one.

    Attributes:
        name: Name of the evaluation and of its folder.
        config: Config file.
        options: Overrides.
        columns: Title in the report and name of the metric for each column. Empty takes every ``top1`` and ``R@1``.
        trains: Whether the config has a training.
        steps: Number of training steps, by the number of labels per class if it is a dict. None leaves it to the config.
        few: Whether it is done for several numbers of labels per class: features are measured with each, and a
            training is run on each drawn list. A tuple names some of the recipe's numbers; 0 stands for all labels.
        train_list: Key of the config that takes a drawn list.
        given: Overrides of the command line. They also come before what a row sets.
    """

    name: str
    config: Path
    options: dict[str, Any]
    columns: dict[str, str]
    trains: bool
    steps: int | dict[int, int] | None = None
    few: bool | tuple[int, ...] = False
    train_list: str = 'train_dataloader.dataset.ann_file'
    given: dict[str, Any] = field(default_factory=dict)

    def counts(self, per_class: Sequence[int]) -> tuple[int, ...]:
        """The recipe's numbers of labels per class that it is done for, 0 for all labels.

        Raises:
            InputError: If it names a number that the recipe does not draw.
        """
        if isinstance(self.few, bool):
            return tuple(per_class) if self.few else ()
        if foreign := [count or 'all' for count in self.few if count not in per_class]:
            drawn = [count or 'all' for count in per_class]
            raise InputError(f'evaluation {self.name!r}: labels={foreign} are not in labels.per_class={drawn}')
        return self.few


def check_kinds(content: Mapping[str, Any] | Config) -> None:
    """Refuse entries of a recipe of another kind, such as a dict in place of a list of dicts.

    Raises:
        InputError: The message names the entry.
    """
    for key in ('phases', 'inits', 'evaluations', 'comparisons', 'hooks'):
        _require(_are(content.get(key), Mapping), key, content.get(key), 'a list of dict(...)')
        for entry in content.get(key) or ():
            of = f'{key}, {str(entry.get("name", "?"))[:40]!r}: '
            for name in ('options', 'columns', 'evaluation_options'):
                _require(isinstance(entry.get(name) or {}, Mapping), of + name, entry.get(name), 'a dict')
            for name, options in (entry.get('evaluation_options') or {}).items():
                _require(isinstance(options, Mapping), f'{of}evaluation_options.{name}', options, 'a dict')
            _require(
                _are(entry.get('evaluations'), str), f'{of}evaluations', entry.get('evaluations'), 'a list of names'
            )
            path = entry.get('config', '')
            _require(key == 'hooks' or isinstance(path, (str, os.PathLike)), f'{of}config', path, 'a file')
    for key in ('labels', 'report'):
        _require(isinstance(content.get(key) or {}, Mapping), key, content.get(key), 'a dict(...)')
    seeds, lists, shared = (content.get(key) for key in ('seeds', 'lists', 'shared_cells'))
    _require(_are(seeds, int), 'seeds', seeds, 'a list of whole numbers, such as [0, 1, 2]')
    _require(
        isinstance(lists, str) or _are(lists, (str, os.PathLike)), 'lists', lists, 'a folder, or a list of folders'
    )
    _require(shared is None or isinstance(shared, (bool, str)), 'shared_cells', shared, 'True, or a folder')


def _are(value: object, kind: type | tuple[type, ...]) -> bool:
    """Whether a value is None or a sequence of values of a kind."""
    return value is None or (
        isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(one, kind) for one in value)
    )


def _require(fits: bool, key: str, value: object, expected: str) -> None:
    if not fits:
        raise InputError(f'{key}={str(value)[:80]!r}: expected {expected}')


def read_phases(entries: Sequence[Mapping[str, Any]], folder: Path) -> list[Phase]:
    """The ``phases`` of a recipe.

    Raises:
        InputError: For a missing or unknown key, a config that does not exist, or an order that cannot be run.
    """
    phases = []
    for entry in entries:
        _check_keys('phase', entry, {'name', 'config'}, {'options', 'init_from', 'test', 'steps', 'checkpoint'})
        name = _check_name('phase', entry)
        phases.append(
            Phase(
                name,
                _find_config('phase', name, entry, folder),
                dict(entry.get('options') or {}),
                entry.get('init_from'),
                bool(entry.get('test', False)),
                check_steps(f'phase {name!r}', entry.get('steps')),
                entry.get('checkpoint'),
            )
        )
    names = [phase.name for phase in phases]
    _check_different('phases', names)
    for i, phase in enumerate(phases):
        if phase.init_from is not None and phase.checkpoint is not None:
            raise InputError(f'phase {phase.name!r}: give init_from or checkpoint, not both')
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
        _check_keys('init', entry, {'name'}, {'title', 'init_from', 'checkpoint', 'options', *_OF_ROWS})
        name, phase, checkpoint = _check_name('init', entry), entry.get('init_from'), entry.get('checkpoint')
        if phase is not None and phase not in known:
            raise InputError(f'init {name!r}: init_from={phase!r} is not a phase ({known})')
        if phase is not None and checkpoint is not None:
            raise InputError(f'init {name!r}: give init_from or checkpoint, not both')
        own = {key: dict(value) for key, value in (entry.get('evaluation_options') or {}).items()}
        title, options = str(entry.get('title', name)), dict(entry.get('options') or {})
        inits.append(Init(name, title, phase, checkpoint, options, tuple(entry.get('evaluations') or ()), own))
    _check_different('inits', [init.name for init in inits])
    often = Counter(init.title for init in inits)
    for init in inits:
        if often[init.title] > 1:  # a report knows its rows by their titles
            init.title = f'{init.title} ({init.name})'
    return inits


def read_evaluations(entries: Sequence[Mapping[str, Any]], folder: Path, phases: Sequence[Phase]) -> list[Evaluation]:
    """The ``evaluations`` of a recipe; see :class:`Evaluation`.

    Raises:
        InputError: See :func:`read_phases`. Also if a config has no test.
    """
    evaluations = []
    for entry in entries:
        _check_keys('evaluation', entry, {'name', 'config'}, {'options', 'columns', 'steps', 'labels', 'train_list'})
        name = _check_name('evaluation', entry)
        path = _find_config('evaluation', name, entry, folder)
        config = read_config(str(path))
        if config.get('test_evaluator') is None:
            raise InputError(f'evaluation {name!r}: {path} has no test_evaluator')
        columns = {str(title): str(metric) for title, metric in (entry.get('columns') or {}).items()}
        options = dict(entry.get('options') or {})
        evaluations.append(
            Evaluation(
                name,
                path,
                options,
                columns,
                config.get('train_cfg') is not None,
                check_steps(f'evaluation {name!r}', entry.get('steps')),
                _check_counts(name, entry.get('labels', False)),
                str(entry.get('train_list', Evaluation.train_list)),
            )
        )
    names = [phase.name for phase in phases] + [evaluation.name for evaluation in evaluations]
    _check_different('evaluations or phases', names)
    return evaluations


def read_comparisons(entries: Sequence[Mapping[str, Any]], inits: Sequence[Init]) -> list[Comparison]:
    """The ``comparisons`` of a recipe; see :class:`Comparison`.

    Raises:
        InputError: For a missing or unknown key, or a row that does not exist.
    """
    titles = {init.name: init.title for init in inits}
    made = []
    for entry in entries:
        _check_keys('comparison', entry, {'row', 'base'}, {'title'})
        for key in ('row', 'base'):
            if entry[key] not in titles:
                raise InputError(f'comparison {dict(entry)}: no row {entry[key]!r}; there are {list(titles)}')
        title = f'{titles[entry["row"]]} - {titles[entry["base"]]}'
        made.append(Comparison(entry['row'], entry['base'], str(entry.get('title', title))))
    return made


def check_rows(inits: Sequence[Init], evaluations: Sequence[Evaluation]) -> None:
    """Refuse rows that ask for an evaluation that does not exist.

    Raises:
        InputError: The message names the row.
    """
    names = [evaluation.name for evaluation in evaluations]
    for init in inits:
        lost = [name for name in (*init.evaluations, *init.evaluation_options) if name not in names]
        if lost:
            raise InputError(f'init {init.name!r}: no evaluation {lost[0]!r}; there are {names}')


def check_steps(owner: str, steps: Any) -> Any:
    """A number of training steps, or a dict of them by number of labels per class, as given. 'all' becomes 0.

    Args:
        owner: Whose steps they are, for the message.
        steps: The value. None leaves the length to the config.

    Raises:
        InputError: If it is no whole number from 0 on.
    """
    if isinstance(steps, Mapping):
        return {0 if n == 'all' else n: check_steps(owner, count) for n, count in steps.items()}
    if steps is not None and (isinstance(steps, bool) or not isinstance(steps, int) or steps < 0):
        raise InputError(f'{owner}: steps={steps!r}, expected a whole number of training steps')
    return steps


def _check_counts(name: str, labels: Any) -> bool | tuple[int, ...]:
    """True, False, or some of the recipe's numbers of labels per class, 0 for all."""
    if isinstance(labels, bool):
        return labels
    counts = tuple(0 if count == 'all' else count for count in labels) if isinstance(labels, Sequence) else ()
    if not counts or len(set(counts)) < len(counts) or not all(isinstance(count, int) for count in counts):
        raise InputError(
            f"evaluation {name!r}: labels={labels!r}, expected True or different numbers such as (5, 'all')"
        )
    return counts


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
