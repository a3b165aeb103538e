"""Splits by group: clips of one scene, person or recording never straddle training and test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import InputError
from ...functional.group_division import divide_groups
from ...texts import write_table
from .labeled_list import Labeled, examples, listed, remove_list, write_lines, write_list


class Clip(NamedTuple):
    """A labelled video and the scene, person or recording that it belongs to."""

    path: str
    label: str
    group: str


def divide_by_group(clips: Sequence[Clip], shares: Mapping[str, float], seed: int) -> dict[str, list[Clip]]:
    """Divide clips into parts of given shares by whole groups, every class in each part; see :func:`divide_groups`.
    Each part is in the order of ``clips``.

    Raises:
        InputError: If there is no such division. The message names the classes that prevent it.
    """
    if not clips:
        raise InputError('no clips: there is nothing to split')
    # Sorted, so that the order of the clips does not change which of them a seed takes.
    classes = sorted({clip.label for clip in clips})
    groups = sorted({clip.group for clip in clips})
    label, group = ({name: i for i, name in enumerate(names)} for names in (classes, groups))
    try:
        chosen = divide_groups(
            np.array([label[clip.label] for clip in clips]),
            np.array([group[clip.group] for clip in clips]),
            list(shares.values()),
            seed,
            classes,
        )
    except InputError as error:
        raise InputError(
            f'{len(clips)} clips of {len(groups)} group(s) cannot be split into {", ".join(shares)}: {error}'
        ) from None
    return {name: [clip for clip, part in zip(clips, chosen) if part == i] for i, name in enumerate(shares)}


def check_parts(parts: Mapping[str, Sequence[Clip]], source: str) -> None:
    """Check that a division into named parts allows training on one and testing on another. ``source`` says in messages
    where it comes from.

    Raises:
        InputError: If two parts share a group, or a class is missing from one of them.
    """
    names = list(parts)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            shared = sorted({c.group for c in parts[one]} & {c.group for c in parts[other]})
            if shared:
                raise InputError(
                    f'{source}: {len(shared)} groups are in both {one} and {other}: {examples(shared)}; clips of one '
                    'scene or person on both sides make any test look good'
                )
    classes = sorted({clip.label for part in parts.values() for clip in part})
    for name, part in parts.items():
        missing = sorted(set(classes) - {clip.label for clip in part})
        if missing:
            raise InputError(
                f'{source}: {len(missing)} of {len(classes)} classes have no clip in {name}: {examples(missing)}'
            )


def write_lists(
    out: str | Path,
    train: Sequence[Clip],
    test: Sequence[Clip],
    extra_train: Sequence[str] = (),
    *,
    val: Sequence[Clip] = (),
    delimiter: str = ' ',
) -> dict[str, Path]:
    """Write the lists of a split into a folder.

    These are ``train.txt``, ``test.txt`` and, if there are any, ``val.txt`` with ``path label``, ``pool.txt`` with all
    training paths, ``classes.txt``, and ``groups.csv`` (path, group). Without validation clips, the ``val.txt`` of an
    earlier split is removed.

    Raises:
        InputError: If a path holds the delimiter.
    """
    out = Path(out)
    classes = sorted({clip.label for clip in [*train, *val, *test]})
    number = {name: i for i, name in enumerate(classes)}
    parts = dict(train=train, test=test, **(dict(val=val) if val else {}))
    files = {
        name: write_list(out / f'{name}.txt', [Labeled(c.path, number[c.label]) for c in part], delimiter)
        for name, part in parts.items()
    }
    if not val:
        remove_list(out / 'val.txt')
    files['pool'] = write_lines(out / 'pool.txt', map(listed, [*(c.path for c in train), *extra_train]))
    files['classes'] = write_lines(out / 'classes.txt', classes)
    rows = [('path', 'group'), *((clip.path, clip.group) for clip in [*train, *val, *test])]
    files['groups'] = write_table(out / 'groups.csv', rows)
    return files
