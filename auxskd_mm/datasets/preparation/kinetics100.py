"""Kinetics-100: the 100 smallest classes of a local Kinetics-400, or the videos of a published list.

There are two versions of Kinetics-100. RSPNet's rule (PeihaoChen/RSPNet @ 2958779, README) takes the 100 classes whose
folders in the local training set have the fewest bytes. The result depends on how the local copy was transcoded. auxSKD
publishes a list of 32,552 videos (Plrbear/auxSKD @ 79e99b8, ``auxSKD/list/k100.list``). The two differ in at least one
class (``sweeping_floor`` is in RSPNet's only).
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from ...errors import InputError, check_least
from ..list_formats import read_list
from .file_index import FileIndex
from .labeled_list import Labeled, remove_list, write_lines, write_list


def smallest_classes(folder: str | Path, count: int = 100) -> list[tuple[str, int]]:
    """The class folders of a training set with the fewest bytes, as pairs (class, bytes), smallest first; RSPNet's
    rule. Classes of equal size are in the order of their names.

    Raises:
        InputError: If there are fewer classes, or none is asked for.
    """
    check_least('', count=count)
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f'{folder}: no such folder; expected the Kinetics-400 training set, one sub-folder a class')
    sizes = sorted(
        (sum(file.stat().st_size for file in entry.rglob('*') if file.is_file()), entry.name)
        for entry in folder.iterdir()
        if entry.is_dir() and not entry.name.startswith('.')
    )
    if len(sizes) < count:
        raise InputError(f'{folder}: {len(sizes)} class folders, cannot take the {count} smallest')
    return [(name, size) for size, name in sizes[:count]]


def prepare_kinetics100_by_size(
    train: str | Path, val: str | Path | None, out: str | Path, *, count: int = 100, delimiter: str = ' '
) -> dict[str, int]:
    """Write the lists of the smallest classes.

    Args:
        train: Kinetics-400 training set, one sub-folder per class.
        val: Validation set of the same layout, or None.
        out: Folder for ``train.txt`` and ``val.txt`` (``path label``, relative to ``train`` and ``val``),
            ``classes.txt`` and ``sizes.csv`` (class, bytes), which records the sizes behind the choice.
        count: Number of classes to take.
        delimiter: Separator between path and label.

    Returns:
        Number of videos per list, and number of classes.

    Raises:
        InputError: If folders or classes are missing.
    """
    chosen = smallest_classes(train, count)
    classes = sorted(name for name, _ in chosen)
    counts = dict(classes=len(classes), train=_write_folder(train, classes, Path(out, 'train.txt'), delimiter))
    counts.update(_write_val(val, classes, Path(out, 'val.txt'), delimiter))
    write_lines(Path(out, 'classes.txt'), classes)
    write_lines(Path(out, 'sizes.csv'), ['class,bytes', *(f'"{name}",{size}' for name, size in chosen)])
    return counts


def prepare_kinetics100_from_list(
    videos: str | Path,
    names: str | Path,
    out: str | Path,
    *,
    val: str | Path | None = None,
    list_format: str = 'auto',
    max_missing_share: float = 0.1,
    delimiter: str = ' ',
) -> dict[str, int]:
    """Write the lists of the videos that a published list names.

    Args:
        videos: Folder of the videos, one sub-folder per class. Class names may have spaces in place of underscores.
        names: List of ``class/video`` with or without frame counts, such as auxSKD's ``k100.list``.
        out: Folder for ``train.txt``, ``val.txt``, ``classes.txt``, and ``missing.txt`` if videos are missing.
        val: Validation set, or None. The function takes its videos of the same classes.
        list_format: Column layout of the list; see :mod:`auxskd_mm.datasets.list_formats`.
        max_missing_share: Largest tolerated share of missing videos. Some are no longer online.
        delimiter: Separator between path and label.

    Returns:
        Number of videos per list, of classes, and of missing videos.

    Raises:
        InputError: If more videos are missing, or the list cannot be read.
    """
    entries, _ = read_list(str(names), list_format=list_format)
    wanted = [entry.name for entry in entries]
    odd = [name for name in wanted if len(PurePosixPath(name).parts) != 2]
    if odd:
        raise InputError(
            f"{names}: '{odd[0]}', expected lines 'class/video' or 'class/video num_frames', with no folder before the class"
        )
    paths = FileIndex(videos).find_all(wanted, str(names), out, max_missing_share)
    classes = sorted({_class_of(name) for name in wanted})
    labels = {name: i for i, name in enumerate(classes)}
    found = [Labeled(path, labels[_class_of(name)]) for name, path in zip(wanted, paths) if path is not None]
    write_list(Path(out, 'train.txt'), found, delimiter)
    write_lines(Path(out, 'classes.txt'), classes)
    counts = dict(classes=len(classes), train=len(found), missing=len(wanted) - len(found))
    counts.update(_write_val(val, classes, Path(out, 'val.txt'), delimiter))
    return counts


def _write_folder(root: str | Path, classes: list[str], out: Path, delimiter: str) -> int:
    """List all videos of the classes under a root; each class must have some."""
    labels = {_plain(name): i for i, name in enumerate(classes)}
    videos = [
        Labeled(path, labels[_plain(_class_of(path))])
        for path in FileIndex(root).paths
        if '/' in path and _plain(_class_of(path)) in labels
    ]
    absent = sorted(set(range(len(classes))) - {video.label for video in videos})
    if absent:
        raise InputError(f'{root}: no videos of {len(absent)} of {len(classes)} classes, e.g. {classes[absent[0]]}')
    write_list(out, videos, delimiter)
    return len(videos)


def _write_val(root: str | Path | None, classes: list[str], out: Path, delimiter: str) -> dict[str, int]:
    """List the validation videos and count them. Without any, the list of an earlier call is removed."""
    if root is None:
        remove_list(out)
        return {}
    return dict(val=_write_folder(root, classes, out, delimiter))


def _class_of(name: str) -> str:
    return PurePosixPath(name).parts[0]


def _plain(name: str) -> str:
    return name.lower().replace(' ', '_')
