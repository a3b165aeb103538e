"""Lists with few labels per class, drawn from the training list of a run."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import InputError, check_least, check_whole, is_whole
from ...files import write_whole

ALL = 0  # stands for all labels


@dataclass(frozen=True)
class Labels:
    """The ``labels`` of a recipe.

    Attributes:
        train: List of all labelled training clips, ``path label`` per line. ``{lists}`` and ``{seed}`` are filled in.
        per_class: Numbers of labels per class. 0 stands for all.
        draws: Number of draws for each number but 0.
        fill: Every drawn clip repeats until the list has so many lines, a batch of a loader that drops the last one.
        groups: CSV of the groups of the clips, for the validation part of a linear probe.
    """

    train: str
    per_class: tuple[int, ...] = (1, 5, 20, ALL)
    draws: int = 1
    fill: int = 16
    groups: str | None = None


def read_labels(entry: Mapping[str, Any] | None) -> Labels | None:
    """The ``labels`` of a recipe; None if it has none.

    Raises:
        InputError: For a missing or unknown key, or a number below 0.
    """
    if entry is None:
        return None
    unknown = set(entry) - {'train', 'per_class', 'draws', 'fill', 'groups'}
    if unknown or 'train' not in entry:
        raise InputError(
            f'labels {dict(entry)}: needs train, may have draws, fill, groups, per_class; unknown: {sorted(unknown)}'
        )
    given = entry.get('per_class', Labels.per_class)
    counts = tuple(ALL if n == 'all' else n for n in (given if isinstance(given, (list, tuple)) else (given,)))
    bad = [n for n in counts if not is_whole(n) or n < 0]
    if bad or not counts or len(set(counts)) < len(counts):
        raise InputError(f"labels.per_class={counts}: expected different whole numbers from 1 on, and 0 or 'all'")
    labels = Labels(**{**dict(entry), 'per_class': counts})
    check_whole('labels', draws=labels.draws, fill=labels.fill)
    check_least('labels', draws=labels.draws, fill=labels.fill)
    return labels


def draw_lists(labels: Labels, train: Path, out: Path, seed: int) -> dict[int, list[str]]:
    """Write the drawn lists of one run; return their files by the number of labels per class.

    Args:
        labels: The ``labels`` of the recipe.
        train: List of all training clips of the run.
        out: Folder for the drawn lists.
        seed: Seed of the run.

    Raises:
        InputError: If the training list is missing.
    """
    if not train.is_file():
        raise InputError(f'labels.train: no list {train}')
    made: dict[int, list[str]] = {}
    for count in labels.per_class:
        if count == ALL:
            made[count] = [str(train)]
        else:
            draws = range(labels.draws)
            made[count] = [
                str(draw_list(train, out / f'{count}_{draw}.txt', count, seed, draw, labels.fill)) for draw in draws
            ]
    return made


def draw_list(train: Path, out: Path, count: int, seed: int, draw: int = 0, fill: int = 16) -> Path:
    """Write a list with ``count`` clips of each class. Each clip repeats until the list has ``fill`` lines.

    Raises:
        InputError: If a class has fewer clips, or a line has no label.
    """
    classes: dict[str, list[str]] = {}
    for line in filter(str.strip, train.read_text(encoding='utf-8', errors='surrogateescape').split('\n')):
        label = line.split()[-1]
        if not label.isdecimal():
            raise InputError(
                f"{train}: line '{line}' has no label; expected 'path label' with a whole number from 0 on"
            )
        classes.setdefault(label, []).append(line)
    if not classes:
        raise InputError(f"{train}: is empty; expected lines 'path label'")
    small = min(classes, key=lambda label: len(classes[label]))
    if len(classes[small]) < count:
        raise InputError(
            f'{train}: class {small} has {len(classes[small])} clips, labels.per_class asks for {count}; leave {count} out'
        )
    rng = random.Random(1000 * seed + count + 1_000_003 * draw)
    drawn: Sequence[str] = [line for label in sorted(classes) for line in rng.sample(sorted(classes[label]), count)]
    text = '\n'.join([*drawn] * -(-fill // len(drawn))) + '\n'
    return write_whole(out, text.encode('utf-8', 'surrogateescape'))
