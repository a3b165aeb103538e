"""HMDB51: official split files to lists, all three splits."""

from __future__ import annotations

import re
from pathlib import Path

from ...errors import InputError
from ...texts import read_text
from .labeled_list import Labeled
from .split_lists import Split, check_official, write_splits

NUM_CLASSES = 51
# Videos per class and split (Kuehne et al., ICCV 2011), so 3,570 and 1,530 in all.
PER_CLASS = (70, 30)

_FILE = re.compile(r'(.+)_test_split([123])\.txt')
_TRAIN, _TEST, _UNUSED = '1', '2', '0'


def prepare_hmdb51(
    videos: str | Path, annotations: str | Path, out: str | Path, *, held: int = 400, seed: int = 0
) -> dict[int, dict[str, int]]:
    """Write the lists of all three splits, paths relative to ``videos``, labels in the order of the class names.

    Args:
        videos: Folder of the videos (or of their frame folders) by class, with any suffix.
        annotations: Folder of the official ``<class>_test_split<n>.txt``.
        out: Folder for ``{train,test,fit,val}_split{1,2,3}.txt`` and ``classes.txt``.
        held: Number of training videos to hold out for validation (400 in VCOP). 0 writes no fit and val lists.
        seed: Seed of that choice.

    Returns:
        Number of videos per list, for each split.

    Raises:
        InputError: If an annotation file is missing or not the official one, or videos are missing.
    """
    annotations = Path(annotations)
    found = {number: read_split(annotations, number) for number in (1, 2, 3)}
    for number, (split, classes) in found.items():
        check_split(split, number, classes, str(annotations))
    splits = {number: split for number, (split, _) in found.items()}
    return write_splits(splits, found[1][1], videos, str(annotations), out, held, seed)


def read_split(annotations: Path, number: int) -> tuple[Split, list[str]]:
    """One split and its class names, from lines ``video.avi id`` with id 1 for training, 2 for test, 0 for neither.

    Raises:
        InputError: If there are no such files or a line has another form.
    """
    files = {
        match.group(1): path
        for path in sorted(annotations.glob(f'*_test_split{number}.txt'))
        if (match := _FILE.fullmatch(path.name))
    }
    if not files:
        raise InputError(
            f'{annotations}: no <class>_test_split{number}.txt in it; expected the folder of the official '
            'HMDB51 splits (testTrainMulti_7030_splits)'
        )
    split = Split([], [])
    for label, (name, path) in enumerate(files.items()):
        for line in read_text(path).split('\n'):
            columns = line.split()
            if not columns:
                continue
            if len(columns) != 2 or columns[1] not in (_TRAIN, _TEST, _UNUSED):
                raise InputError(f"{path}: '{line.strip()}', expected 'video.avi id' with an id of 0, 1 or 2")
            if columns[1] != _UNUSED:
                part = split.train if columns[1] == _TRAIN else split.test
                part.append(Labeled(f'{name}/{columns[0]}', label))
    return split, list(files)


def check_split(split: Split, number: int, classes: list[str], source: str) -> None:
    """Check a split against the known totals: 51 classes, with 70 training and 30 test videos per class.

    Raises:
        InputError: If they differ. The message names the first class that differs, and the totals.
    """
    source = f'{source}, split {number}'
    if len(classes) != NUM_CLASSES:
        raise InputError(f'{source}: {len(classes)} classes, HMDB51 has {NUM_CLASSES}')
    check_official(split, classes, source)
    for label, name in enumerate(classes):
        sizes = tuple(sum(video.label == label for video in part) for part in split)
        if sizes != PER_CLASS:
            raise InputError(
                f'{source}: class {name} has {sizes[0]} train and {sizes[1]} test videos, every class has '
                f'{PER_CLASS[0]} and {PER_CLASS[1]} (found {len(split.train)} and {len(split.test)} in all)'
            )
