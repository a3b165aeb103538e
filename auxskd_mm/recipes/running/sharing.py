"""Folders named after the inputs of a step, so that several tables share what they have in common."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ...files import read_record, write_whole
from ..runs import Step
from ..step_records import digest

_LAST = 'cells.json'  # folder of every step when it was last run
_LISTS = ('.txt', '.csv')


def share_cells(steps: Sequence[Step], cells: Path) -> None:
    """Give each step the folder ``cells/<config>-<digest>``, in place. Steps with equal inputs get one folder.

    The digest covers the content of the config, the overrides, the seed, the number of steps and the weights that the
    step starts from. In place of the path of a list, a folder of lists or a store, it covers the content of the lists
    and of the store's index. So a changed list gives a new cell, and a moved one does not.

    Args:
        steps: Steps of a plan, in order.
        cells: Folder of the cells.
    """
    contents: dict[Path, Any] = {}
    moved: dict[Path, Path] = {}
    for step in steps:
        if step.config not in contents:
            contents[step.config] = Config.fromfile(str(step.config)).to_dict()
        start = moved.get(step.init, step.init) if step.init is not None else None
        begins: Any = None
        if start is not None:
            begins = start.name if start in moved.values() else _identity(str(start))
        tests = [step.tests, step.evaluation is not None]
        facts = [contents[step.config], _contents(step.options), step.seed, begins, step.trains, tests, step.steps]
        step.key = digest([*facts, [dict(hook) for hook in step.hooks]])
        folder = cells / f'{step.config.stem}-{step.key}'
        moved[step.folder] = folder
        step.folder, step.init = folder, start


def changed_cells(root: Path, steps: Sequence[Step], *, remember: bool = False) -> list[str]:
    """Labels of the steps whose inputs are others than when they were last run.

    Args:
        root: Work dir of the recipe.
        steps: Steps with shared cells.
        remember: Whether the steps are about to run with their inputs of now.
    """
    file = root / _LAST
    before: dict[str, str] = read_record(file)
    now = {step.label: step.folder.name for step in steps if step.key is not None}
    if remember and now:
        write_whole(file, json.dumps({**before, **now}, indent=1))
    return [label for label, name in now.items() if before.get(label, name) != name]


def _contents(value: Any) -> Any:
    """Options with the identity of files in place of their paths."""
    if isinstance(value, Mapping):
        return {str(key): _contents(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_contents(item) for item in value]
    return _identity(value) if isinstance(value, str) else value


def _identity(text: str) -> str:
    path = Path(text)
    if os.path.isfile(text):  # unlike Path's, no error for a text that is no path at all
        return f'file {_hash(path, path.stat().st_mtime_ns)}'
    if os.path.isfile(os.path.join(text, 'index.npz')):
        return f'store {_identity(str(path / "index.npz"))}'
    lists = sorted(file for file in path.glob('*') if file.suffix in _LISTS) if os.path.isdir(text) else []
    return f'lists {[(file.name, _identity(str(file))) for file in lists]}' if lists else text


@cache  # a changed file has another time
def _hash(path: Path, time: int) -> str:
    found = hashlib.sha256()
    with open(path, 'rb') as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()[:16]
