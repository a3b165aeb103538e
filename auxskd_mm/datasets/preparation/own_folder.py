"""Makes lists from your own folder or table of labelled videos, split by group."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...choices import SPLITS
from ...errors import InputError
from ...functional.group_division import group_named, group_pattern
from ...texts import read_table
from ..class_labels import spelled_twice
from ..list_names import exists
from ..recordings.expand import WHOLE, Windows, expand
from ..recordings.names import named_window, plain_times, recording_of, refuse_contradiction, without_window
from ..stores.store import packed_from
from .file_index import FileIndex
from .group_split import Clip, check_parts, divide_by_group, write_lists
from .labeled_list import examples

_COLUMNS = ('path', 'label', 'class', 'file', 'group', 'split')


def prepare_folder(
    folder: str | Path,
    out: str | Path,
    *,
    table: str | Path | None = None,
    encoding: str = 'utf-8-sig',
    group_pattern: str | None = None,
    test_share: float = 0.25,
    val_share: float = 0.0,
    seed: int = 0,
    pool: Sequence[str] = (),
    delimiter: str = ' ',
    window: float | None = None,
    stride: float | None = None,
    split_at_cuts: bool = False,
    say: Callable[[str], object] = print,
) -> dict[str, list[Clip]]:
    """Write the lists of a folder of videos; see :func:`auxskd_mm.datasets.preparation.group_split.write_lists`.

    Args:
        folder: Folder of the videos, as ``class/video.mp4``. With ``table``, the paths of the table are relative to it.
        out: Folder for the lists. The paths in the lists are absolute.
        table: CSV with the columns ``path, label`` or ``class, file``, and optionally ``group`` and ``split``. A
            ``split`` column (train, val, test) is used unchanged after a check. A path may be that of a window of a
            recording. A ``path`` without a label joins the pool. None takes the labels from the folders.
        encoding: Character encoding of ``table``, such as 'cp1252'.
        group_pattern: Regular expression with one bracket, searched in the path of a video inside ``folder``. The text
            that the bracket matches is the group of the video, across all classes. Without a pattern and without a
            group column, every video is a group of its own, with all its windows.
        test_share: Share of the clips to hold out for the test.
        val_share: Share of the clips to hold out for validation, 0 for none.
        seed: Seed of the split.
        pool: Further videos, without labels, for ``pool.txt``. Those that are clips of a part are left out. So are those
            that the group pattern finds in a group that is held out for test or validation.
        delimiter: Separator between path and label.
        window: Length in seconds of the windows that recordings are divided into, also those of ``pool``; see
            :class:`UnlabeledVideoDataset`. All windows of a recording are in one group. None leaves them whole.
        stride: See :class:`UnlabeledVideoDataset`.
        split_at_cuts: See :class:`UnlabeledVideoDataset`.
        say: Takes a line about videos of ``table`` without a label, and about classes that differ by case alone.

    Returns:
        The clips of each part. The path of a window is a virtual path (:mod:`auxskd_mm.datasets.recordings`).

    Raises:
        InputError: If videos are missing, a group is on both sides, or a class is missing from one, also because its
            shots are shorter than a window.
    """
    clips, given = _read_table(table, folder, out, encoding) if table is not None else (_scan(folder), None)
    if group_pattern is not None:
        clips = group_by_pattern(clips, group_pattern, Path(folder))
    refuse_contradiction(table, 'groups', [clip.path for clip in clips], [clip.group for clip in clips])
    for alike in spelled_twice(clip.label for clip in clips):
        say(f'classes {alike} differ by case alone: if they are one class, spell it in one way')
    unlabeled = [clip for clip in clips if not clip.label]
    if unlabeled:
        if len(unlabeled) == len(clips):
            raise InputError(f'{table}: none of its {len(clips)} videos has a label')
        say(
            f'{table}: {len(unlabeled)} of {len(clips)} videos have no label, such as {unlabeled[0].path}; they join pool.txt, '
            'but those of a group that is held out'
        )
    if given is not None:
        parts = {
            name: [clip for clip, part in zip(clips, given) if part == name and clip.label]
            for name in SPLITS
            if name in given
        }
        for name in ('train', 'test'):
            if name not in parts:
                raise InputError(f'{table}: the split column has no {name} row')
        check_parts(parts, str(table))
    else:
        parts = split_clips([clip for clip in clips if clip.label], test_share, val_share, seed)
    groups_held = {clip.group for name, part in parts.items() if name != 'train' for clip in part}
    free = [part in ('', 'train') for part in given] if given is not None else [True] * len(clips)
    further = [
        clip.path for clip, is_free in zip(clips, free) if not clip.label and is_free and clip.group not in groups_held
    ]
    further += _of_no_part(pool, clips, groups_held, group_pattern, str(Path(folder).resolve()))
    windows = Windows(window, stride, split_at_cuts).check('prepare_folder')
    # After the split, so that the shares count recordings and no recording is on two sides.
    parts = {name: _divided(name, part, windows, str(folder), str(out)) for name, part in parts.items()}
    pool = [sample['filename'] for sample in expand(_samples(further), str(folder), windows, folder=str(out))[0]]
    trained = {clip.path for clip in parts['train']}  # write_lists adds them
    pool = [path for path in dict.fromkeys(pool) if path not in trained]
    write_lists(out, parts['train'], parts['test'], pool, val=parts.get('val', ()), delimiter=delimiter)
    return parts


def _of_no_part(
    pool: Iterable[str], clips: Iterable[Clip], held: Collection[str], pattern: str | None, root: str
) -> list[str]:
    """The videos of a pool that are no clips, and whose path below ``root`` names no group that is held out.

    A folder of everything may be the pool: its test clips are not to be learned from, and the others are in it once.
    """
    known = {_file_of(clip.path) for clip in clips}
    further = [path for path in pool if _file_of(path) not in known]
    if pattern is None:
        return further
    compiled = group_pattern(pattern, f"group pattern '{pattern}'")
    return [path for path in further if group_named(compiled, recording_of(path).removeprefix(root)) not in held]


def _file_of(path: str) -> str:
    """The file that a path reads, through links. Of a video in a store, that which it was packed from."""
    return os.path.realpath(recording_of(packed_from(path) or path))


def _samples(paths: Iterable[str]) -> list[dict[str, Any]]:
    return [dict(filename=path) for path in paths]


def _divided(part: str, clips: Sequence[Clip], windows: Windows, source: str, out: str) -> list[Clip]:
    """The windows of the clips of a part, each in the group of its recording.

    Raises:
        InputError: If no shot of a class is as long as a window.
    """
    found, origins = expand(_samples(clip.path for clip in clips), source, windows, folder=out)
    lost = sorted({clip.label for clip in clips} - {clips[i].label for i in origins})
    if lost:
        raise InputError(
            f'{source}: no shot of {len(lost)} classes in {part} is as long as window={windows.seconds:g} s: '
            f'{examples(lost)}; lower window'
        )
    divided: dict[str, Clip] = {}  # a recording and a window of it give some windows twice
    for sample, i in zip(found, origins):
        divided.setdefault(sample['filename'], clips[i]._replace(path=sample['filename']))
    return [*divided.values()]


def split_clips(clips: Sequence[Clip], test_share: float, val_share: float, seed: int) -> dict[str, list[Clip]]:
    """Divide clips by group into train, test and, with a share above 0, val, with every class in each.

    Raises:
        InputError: If a share or the seed is out of range, or no such division exists; see :func:`divide_by_group`.
    """
    if not (test_share > 0 and val_share >= 0):  # also for what is no number
        raise InputError(
            f'test_share={test_share}, val_share={val_share}: expected a test_share above 0, val_share from 0'
        )
    if test_share + val_share >= 1:
        raise InputError(
            f'test_share={test_share}, val_share={val_share}: expected a sum below 1, to leave clips to train on'
        )
    if seed < 0:
        raise InputError(f'seed={seed}: expected a whole number from 0 on')
    shares = dict(train=1 - test_share - val_share, val=val_share, test=test_share)
    return divide_by_group(clips, {name: share for name, share in shares.items() if share}, seed)


def _scan(folder: str | Path) -> list[Clip]:
    root = Path(folder).resolve()
    paths = FileIndex(root).paths
    flat = [path for path in paths if '/' not in path]
    if flat:
        raise InputError(
            f'{folder}: {len(flat)} videos lie in it directly, e.g. {flat[0]}; expected class/video.mp4, or give a CSV'
        )
    return [Clip(str(root / path), path.split('/', 1)[0], path) for path in paths]


def _read_table(
    table: str | Path, folder: str | Path, out: str | Path, encoding: str
) -> tuple[list[Clip], list[str] | None]:
    """Clips with absolute paths, and the split column if there is one."""
    numbered = _rows(Path(table), encoding)
    lines, rows = [line for line, _ in numbered], [row for _, row in numbered]
    names = [row['path'] if 'path' in row else f'{row["class"]}/{row["file"]}' for row in rows]
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise InputError(f'{table}: {len(twice)} videos stand in it twice: {examples(twice)}')
    absolute = [name for name in names if Path(name).is_absolute()]
    if absolute:
        relative = [name for name in names if not Path(name).is_absolute()]
        if relative:
            raise InputError(
                f'{table}: {absolute[0]} is an absolute path and {relative[0]} is not; write all in one way'
            )
        lost = [name for name in absolute if not exists(name)]
        for name in lost:
            if without_window(name) != name and exists(without_window(name)):
                named_window(name, f'{table}: ')  # says what is wrong with it
        if lost:
            raise InputError(f'{table}: {len(lost)} of {len(names)} videos are not there: {examples(lost)}')
        paths = names
    else:
        root = Path(folder).resolve()
        paths = [str(root / str(path)) for path in FileIndex(root).find_all(names, str(table), out)]
    paths = [plain_times(path) for path in paths]
    first: dict[str, str] = {}
    for name, path in zip(names, paths):
        real = os.path.realpath(path) if absolute else path
        if real in first:
            raise InputError(f'{table}: {first[real]} and {name} are the same video, {path}')
        first[real] = name
    clips = [
        Clip(path, row.get('label') or row.get('class') or '', row.get('group') or recording_of(path))
        for path, row in zip(paths, rows)
    ]
    refuse_contradiction(table, 'labels', paths, [clip.label or None for clip in clips])
    whole = {clip.path: clip for clip in clips}
    for clip in clips:
        recording = recording_of(clip.path)
        other = whole.get(recording, clip)
        if clip.label and (other.label or clip.label) != clip.label:
            raise InputError(
                f'{table}: {recording} has the label {other.label}, and its window {clip.path} has {clip.label}; a moment '
                'has one class, so name windows for both'
            )
        if other.group != clip.group:
            raise InputError(
                f'{table}: {recording} is of the group {other.group}, and its window {clip.path} of {clip.group}; they may be '
                'on two sides of a split, so give them one group'
            )
    expand(_samples(paths), str(table), WHOLE, folder=str(out), line_of=lines.__getitem__)
    if 'split' not in rows[0]:
        return clips, None
    given = [row['split'] for row in rows]
    odd = sorted({part for part, clip in zip(given, clips) if part or clip.label} - set(SPLITS))
    if odd:
        raise InputError(f"{table}: split '{odd[0]}', expected {', '.join(SPLITS)}")
    return clips, given


def _rows(table: Path, encoding: str) -> Sequence[tuple[int, Mapping[str, str]]]:
    """Rows with their lines."""
    if not table.is_file():
        raise InputError(f'{table}: no such table; expected a CSV with the columns path and label, or class and file')
    rows = read_table(table, encoding).rows
    columns = set(rows[0][1]) if rows else set()
    if not ({'path', 'label'} <= columns or {'class', 'file'} <= columns):
        found = ', '.join(rows[0][1]) if rows else 'no rows'
        raise InputError(
            f'{table}: expected the columns path and label, or class and file, then group, split; found {found}'
        )
    for line, row in rows:
        row.update({key: row[key].strip() for key in _COLUMNS if key in row})
        # A table that is being filled in has paths without a label. A file without its class cannot be found.
        waits = 'path' in row and not row.get('label')
        empty = [key for key in row if key in _COLUMNS and not row[key] and not (waits and key in ('label', 'split'))]
        if empty:
            raise InputError(f'{table}: line {line} has no {empty[0]}')
    return rows


def group_by_pattern(clips: Sequence[Clip], pattern: str, folder: Path) -> list[Clip]:
    """Give each clip (of an absolute path) the group that the pattern of :func:`prepare_folder` finds in its path below
    a folder.

    Raises:
        InputError: If the pattern is wrong, or does not match every clip.
    """
    compiled, root = group_pattern(pattern, f"group pattern '{pattern}'"), str(folder.resolve())
    found = [group_named(compiled, recording_of(clip.path).removeprefix(root)) for clip in clips]
    lost = [clip.path for clip, group in zip(clips, found) if group is None]
    if lost:
        raise InputError(
            f"group pattern '{pattern}' matches {len(clips) - len(lost)} of {len(clips)} videos, "
            f'not {examples(lost, 1)}'
        )
    return [clip._replace(group=group) for clip, group in zip(clips, found) if group is not None]
