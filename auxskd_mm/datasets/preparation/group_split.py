"""Splits by group: clips of one scene, person or recording never straddle training and test."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import InputError
from .labeled_list import Labeled, examples, write_lines, write_list


class Clip(NamedTuple):
    """A labelled video and the scene, person or recording that it belongs to."""

    path: str
    label: str
    group: str


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


def check_parts(parts: Mapping[str, Sequence[Clip]], source: str) -> None:
    """Check that a division is fit for training on one part and testing on another.

    Args:
        parts: Clips by the name of their part.
        source: What the division comes from, for messages.

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
    """Write the lists of a split.

    These are ``train.txt``, ``test.txt`` and, if there are any, ``val.txt`` with ``path label``, ``pool.txt`` with all
    training paths, ``classes.txt``, and ``groups.csv`` (path, group).

    Args:
        out: Folder, made if needed.
        train: Labelled training clips.
        test: Labelled test clips.
        extra_train: Further unlabelled paths for the pool.
        val: Labelled validation clips.
        delimiter: Between path and label.

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
    files['pool'] = write_lines(out / 'pool.txt', [*(c.path for c in train), *extra_train])
    files['classes'] = write_lines(out / 'classes.txt', classes)
    files['groups'] = out / 'groups.csv'
    with files['groups'].open('w', newline='') as stream:
        csv.writer(stream).writerows([('path', 'group'), *((c.path, c.group) for c in [*train, *val, *test])])
    return files
