"""UCF101: official split files to lists, all three splits."""

from __future__ import annotations

import re
from pathlib import Path

from ...errors import InputError
from ...texts import read_text
from .labeled_list import Labeled, examples
from .split_lists import Split, check_official, write_splits

# Every split divides all 13,320 videos (Soomro et al. 2012, arXiv 1212.0402); of split 1 both sizes are quoted widely.
NUM_VIDEOS = 13320
NUM_CLASSES = 101
SPLIT_1 = (9537, 3783)

_GROUP = re.compile(r'_g(\d+)_c\d+')


def prepare_ucf101(
    videos: str | Path, annotations: str | Path, out: str | Path, *, held: int = 800, seed: int = 0
) -> dict[int, dict[str, int]]:
    """Write the lists of all three splits, paths relative to ``videos``, labels from 0.

    Args:
        videos: Folder of the videos (or of their frame folders), by class or flat, with any suffix.
        annotations: Folder of the official ``classInd.txt``, ``trainlist0?.txt`` and ``testlist0?.txt``.
        out: Folder for ``{train,test,fit,val}_split{1,2,3}.txt`` and ``classes.txt``.
        held: Number of training videos to hold out for validation (800 in VCOP). 0 writes no fit and val lists.
        seed: Seed of that choice.

    Returns:
        Number of videos per list, for each split.

    Raises:
        InputError: If an annotation file is missing or not the official one, or videos are missing.
    """
    annotations = _annotation_folder(Path(annotations))
    classes = read_classes(annotations)
    splits = {number: read_split(annotations, number, classes) for number in (1, 2, 3)}
    for number, split in splits.items():
        check_split(split, number, classes, str(annotations))
    return write_splits(splits, classes, videos, str(annotations), out, held, seed)


def read_classes(annotations: Path) -> list[str]:
    """Class names in the order of their labels, from ``classInd.txt`` (lines ``1 ApplyEyeMakeup``).

    Raises:
        InputError: If the file is missing or its numbers are not 1, 2, 3 ...
    """
    path = annotations / 'classInd.txt'
    rows = [line.split() for line in _lines(path)]
    if [row[0] for row in rows] != [str(i) for i in range(1, len(rows) + 1)] or any(len(row) != 2 for row in rows):
        raise InputError(f"{path}: expected lines '1 ApplyEyeMakeup', numbered from 1 without a gap")
    return [row[1] for row in rows]


def read_split(annotations: Path, number: int, classes: list[str]) -> Split:
    """One split from ``trainlist0<n>.txt`` (``class/video.avi label``) and ``testlist0<n>.txt`` (``class/video.avi``).

    Raises:
        InputError: If a file is missing, or a line has no known class or another label than its class.
    """
    labels = {name: i for i, name in enumerate(classes)}
    parts: list[list[Labeled]] = []
    for part in ('train', 'test'):
        path = annotations / f'{part}list0{number}.txt'
        entries = []
        for line in _lines(path):
            name, *rest = line.split()
            label = labels.get(name.split('/')[0])
            if label is None:
                raise InputError(f"{path}: '{line}' is of no class in classInd.txt; expected 'class/video.avi'")
            if rest and rest != [str(label + 1)]:
                raise InputError(f"{path}: '{line}' has another label than classInd.txt, which gives {label + 1}")
            entries.append(Labeled(name, label))
        parts.append(entries)
    return Split(*parts)


def check_split(split: Split, number: int, classes: list[str], source: str) -> None:
    """Check a split against the known totals, and that no group (g01 .. g25 of a class) is on both sides.

    Raises:
        InputError: If they differ. The message names the difference.
    """
    source = f'{source}, split {number}'
    if len(classes) != NUM_CLASSES:
        raise InputError(f'{source}: {len(classes)} classes, UCF101 has {NUM_CLASSES}')
    check_official(split, classes, source)
    sizes = len(split.train), len(split.test)
    if sum(sizes) != NUM_VIDEOS:
        raise InputError(f'{source}: {sizes[0]} + {sizes[1]} videos, UCF101 has {NUM_VIDEOS}; is a list truncated?')
    if number == 1 and sizes != SPLIT_1:
        raise InputError(f'{source}: {sizes[0]} train and {sizes[1]} test videos, the official split has {SPLIT_1}')
    train, test = ({(v.label, _group(v.path)) for v in part} for part in split)
    both = sorted(f'{classes[label]} g{group}' for label, group in train & test)
    if both:
        raise InputError(f'{source}: {len(both)} groups are on both sides: {examples(both)}; not the official lists')


def _group(name: str) -> str:
    match = _GROUP.search(name)
    return match.group(1) if match else name


def _annotation_folder(folder: Path) -> Path:
    """The folder itself, or the sub-folder into which the official archive unpacks."""
    for candidate in (folder, folder / 'ucfTrainTestlist'):
        if (candidate / 'classInd.txt').is_file():
            return candidate
    raise InputError(
        f'{folder}: no classInd.txt in it; expected the folder of the official UCF101 recognition splits '
        '(ucfTrainTestlist)'
    )


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise InputError(f'{path}: no such file; it is part of the official UCF101 recognition splits')
    return [line.strip() for line in read_text(path).split('\n') if line.strip()]
