"""The runs of a recipe, one per seed and split, and the placeholders of its options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..datasets.class_labels import read_class_names
from ..errors import InputError


@dataclass(frozen=True)
class Run:
    """One run of a recipe: a seed and, if there are several splits, a split."""

    name: str
    seed: int | None
    lists: str | None


def make_runs(seed: int | None, seeds: Sequence[int], lists: Sequence[str] | str) -> list[Run]:
    """List the runs: every split with every seed. Each has its own folder if the recipe lists seeds or splits.

    One folder of lists with ``{seed}`` in its name gives every seed its own split.
    """
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
