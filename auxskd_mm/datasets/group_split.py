"""Splits by group: clips of one scene, person or recording never straddle training and test."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import InputError


class Clip(NamedTuple):
    """One row of a group table."""

    path: str
    label: str
    group: str


def read_group_table(path: str | Path) -> list[Clip]:
    """Read a CSV with the columns ``class, file, group``.

    Args:
        path: The table; ``file`` is relative to the class folder, so a clip is ``class/file``.

    Raises:
        InputError: If the file is missing, empty or lacks a column.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f'{path}: no such group table; expected a CSV with the columns class, file and group')
    with path.open(newline='', encoding='utf-8-sig') as stream:
        rows = list(csv.DictReader(stream))
    if not rows:
        raise InputError(f'{path}: the group table is empty')
    missing = {'class', 'file', 'group'} - set(rows[0])
    if missing:
        raise InputError(f'{path}: no column {", ".join(sorted(missing))}; found {", ".join(map(str, rows[0]))}')
    return [Clip(f'{row["class"]}/{row["file"]}', row['class'], row['group']) for row in rows]


def split_by_group(clips: Sequence[Clip], test_share: float, seed: int) -> tuple[list[Clip], list[Clip]]:
    """Whole groups at random into the test part until it holds the share asked for.

    Args:
        clips: All clips.
        test_share: Share of the clips in (0, 1) to hold out.
        seed: Which split.

    Returns:
        (train, test), together all clips, without a common group.

    Raises:
        InputError: If the share is out of range or one part would be empty.
    """
    if not 0 < test_share < 1:
        raise InputError(f'test_share={test_share}: expected a share in (0, 1)')
    groups: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        groups[clip.group].append(clip)
    names = sorted(groups)
    held: set[str] = set()
    count = 0
    for i in np.random.default_rng(seed).permutation(len(names)):
        group = groups[names[i]]
        # Taking the group must bring the part nearer to its size.
        if abs(count + len(group) - test_share * len(clips)) < abs(count - test_share * len(clips)):
            held.add(names[i])
            count += len(group)
    if not held or len(held) == len(names):
        raise InputError(
            f'{len(names)} group(s) cannot be split with test_share={test_share}; expected at least 2 of suitable size'
        )
    return [c for c in clips if c.group not in held], [c for c in clips if c.group in held]


def write_lists(
    out: str | Path, train: Sequence[Clip], test: Sequence[Clip], extra_train: Sequence[str] = ()
) -> dict[str, Path]:
    """Write ``train.txt`` and ``test.txt`` with ``path label``, ``pool.txt`` with all training paths, and ``classes.txt``.

    Args:
        out: Folder, made if needed.
        train: Labelled training clips.
        test: Labelled test clips.
        extra_train: Further unlabelled paths for the pool.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    classes = sorted({clip.label for clip in [*train, *test]})
    number = {name: i for i, name in enumerate(classes)}
    files = {name: out / f'{name}.txt' for name in ('train', 'test', 'pool', 'classes')}
    files['train'].write_text(''.join(f'{c.path} {number[c.label]}\n' for c in train))
    files['test'].write_text(''.join(f'{c.path} {number[c.label]}\n' for c in test))
    files['pool'].write_text(''.join(f'{path}\n' for path in [*(c.path for c in train), *extra_train]))
    files['classes'].write_text(''.join(f'{name}\n' for name in classes))
    return files
