"""Compares labels with classes: the names in ``classes.txt`` beside a list, and the number of the head."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ..errors import InputError
from ..texts import read_text

CLASS_FILE = 'classes.txt'


def read_class_names(path: str | Path) -> list[str]:
    """Class names of a file with one name per line, in the order of the labels from 0.

    Raises:
        InputError: If the file is missing, not UTF-8 or empty, or names a class twice.
    """
    names = [line.strip() for line in read_text(path).split('\n')]
    names = [name for name in names if name]
    if not names:
        raise InputError(f'{path}: no class in it; expected the name of a class in each line')
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise InputError(f'{path}: class {twice[0]} stands in it twice')
    return names


def spelled_twice(names: Iterable[str]) -> list[str]:
    """Classes whose names differ by case alone, such as ``'Serve and serve'``."""
    alike: dict[str, set[str]] = {}
    for name in names:
        alike.setdefault(name.casefold(), set()).add(name)
    return [' and '.join(sorted(found)) for _, found in sorted(alike.items()) if len(found) > 1]


def class_names_beside(path: str | Path) -> list[str] | None:
    """Class names from the ``classes.txt`` in the folder of a list, or in a store. None if there is no such file."""
    folder = str(path) if os.path.isdir(path) else os.path.dirname(path)
    file = os.path.join(folder, CLASS_FILE)
    return read_class_names(file) if os.path.isfile(file) else None


def check_labels(
    path: str,
    labels: Sequence[int],
    num_classes: int | None = None,
    names: Sequence[str] | None = None,
    *,
    line_of: Callable[[int], int] | None = None,
    key: str = 'num_classes',
) -> None:
    """Check that the labels of a list are classes of a network.

    Args:
        path: The list, for messages.
        labels: Label of each entry.
        num_classes: Number of classes of the network. None if it has no classes.
        names: Names of the classes, if they are known.
        line_of: Function from the index of an entry to its line number, for messages.
        key: Config key of ``num_classes``, for messages.

    Raises:
        InputError: If a label is not a class of the network, or the number of names differs from the number of classes.
    """
    least, most = min(labels), max(labels)
    where = '' if line_of is None else f'line {line_of(labels.index(most))}: '
    from_1 = f'the labels go from 1 to {most} and must go from 0 to {most - 1}: subtract 1 from each'
    if num_classes is not None and most >= num_classes:
        wanted = f'expected 0 to {num_classes - 1}; mend the list, or set {key}={most + 1}'
        advice = from_1 if (least, most) == (1, num_classes) else wanted
        raise InputError(f'{path}: {where}label {most} does not fit {key}={num_classes}; {advice}')
    if names is not None and most >= len(names):
        advice = from_1 if (least, most) == (1, len(names)) else f'expected 0 to {len(names) - 1}'
        raise InputError(
            f'{path}: {where}label {most}, but {CLASS_FILE} beside it names {len(names)} classes; {advice}'
        )
    if names is not None and num_classes is not None and len(names) != num_classes:
        raise InputError(
            f'{path}: {CLASS_FILE} beside it names {len(names)} classes, but {key}={num_classes}; set '
            f'{key}={len(names)} (a checkpoint of another number of classes is for other lists)'
        )


def check_one_class(path: str, names: Sequence[str], labels: Sequence[int], line_of: Callable[[int], int]) -> None:
    """Refuse a list that gives one video two classes. ``line_of`` gives the line of an entry.

    Raises:
        InputError: If a video has two classes. The message names the video and both lines.
    """
    seen: dict[str, int] = {}
    for index, (name, label) in enumerate(zip(names, labels)):
        before = seen.setdefault(os.path.normpath(name), index)
        if labels[before] != label:
            raise InputError(
                f'{path}: line {line_of(index)}: {name} has label {label}, but label {labels[before]} in line '
                f'{line_of(before)}; a video has one class, so remove one of the lines'
            )
