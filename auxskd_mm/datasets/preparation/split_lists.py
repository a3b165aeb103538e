"""Splits of labelled videos: checks, search for their videos, and the choice of a validation part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import InputError, check_least
from .file_index import FileIndex
from .labeled_list import Labeled, examples, remove_list, write_lines, write_list


class Split(NamedTuple):
    """Training and test videos of one split."""

    train: list[Labeled]
    test: list[Labeled]


# The lists of a data set with three official splits.
SPLIT_LISTS = tuple(f'{part}_split{number}.txt' for part in ('train', 'test', 'fit', 'val') for number in (1, 2, 3))


def hold_out(videos: Sequence[Labeled], count: int, seed: int) -> tuple[list[Labeled], list[Labeled]]:
    """Hold out random videos for validation, as VCOP's ``random_split`` (800 in UCF101, 400 in HMDB51): (rest, held
    out), each in the order of ``videos``.

    Raises:
        InputError: If no video would be left for training, or the seed is negative.
    """
    check_least('', 0, seed=seed)
    if not 0 <= count < len(videos):
        raise InputError(f'cannot hold out {count} of {len(videos)} training videos; expected 0 to {len(videos) - 1}')
    held = set(np.random.default_rng(seed).permutation(len(videos))[:count].tolist())
    rest = [video for i, video in enumerate(videos) if i not in held]
    return rest, [video for i, video in enumerate(videos) if i in held]


def check_official(split: Split, classes: Sequence[str], source: str) -> None:
    """Check that a split is whole: no video twice, none on both sides, every class on both sides.

    Raises:
        InputError: If the split is not whole. The message names the fault.
    """
    train, test = ({video.path for video in part} for part in split)
    for part, names in (('train', train), ('test', test)):
        videos = split.train if part == 'train' else split.test
        if len(names) < len(videos):
            raise InputError(f'{source}: {len(videos) - len(names)} videos stand twice in the {part} list')
    both = sorted(train & test)
    if both:
        raise InputError(f'{source}: {len(both)} videos are in both the train and the test list: {examples(both)}')
    for part, videos in (('train', split.train), ('test', split.test)):
        absent = sorted(set(range(len(classes))) - {video.label for video in videos})
        if absent:
            raise InputError(
                f'{source}: {len(absent)} classes have no {part} video: {examples(classes[i] for i in absent)}'
            )


def write_splits(
    splits: Mapping[int, Split],
    classes: Sequence[str],
    videos: str | Path,
    source: str,
    out: str | Path,
    held: int,
    seed: int,
) -> dict[int, dict[str, int]]:
    """Find the videos of all splits in a folder, and write ``classes.txt`` and the lists; see :func:`write_split`.

    Raises:
        InputError: If a video is missing, see :meth:`FileIndex.find_all`. Nothing is written then.
    """
    index, located = FileIndex(videos), {}
    for number, split in splits.items():
        listed = [*split.train, *split.test]
        paths = index.find_all([video.path for video in listed], source, out)
        found = [Labeled(path or '', video.label) for path, video in zip(paths, listed)]
        located[number] = Split(found[: len(split.train)], found[len(split.train) :])
    write_lines(Path(out, 'classes.txt'), classes)
    return {number: write_split(out, number, split, held, seed) for number, split in located.items()}


def write_split(out: str | Path, number: int, split: Split, held: int, seed: int) -> dict[str, int]:
    """Write the lists of one split.

    These are ``train_split<n>.txt`` and ``test_split<n>.txt``. If videos are held out, there are also
    ``fit_split<n>.txt`` and ``val_split<n>.txt``. Together these two are the training list. Otherwise earlier ones are
    removed.

    Returns:
        Number of videos per list.
    """
    parts = dict(train=split.train, test=split.test)
    if held:
        parts['fit'], parts['val'] = hold_out(split.train, held, seed)
    for name in ('train', 'test', 'fit', 'val'):
        path = Path(out, f'{name}_split{number}.txt')
        if name in parts:
            write_list(path, parts[name])
        else:
            remove_list(path)
    return {name: len(videos) for name, videos in parts.items()}
