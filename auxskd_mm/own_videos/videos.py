"""Finds the videos of a folder, their labels and their groups."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from ..datasets.class_labels import spelled_twice
from ..datasets.preparation.file_index import FileIndex
from ..datasets.preparation.group_split import Clip
from ..datasets.preparation.labeled_list import examples
from ..datasets.preparation.own_folder import group_by_pattern
from ..datasets.recordings.expand import WHOLE, Windows, expand
from ..datasets.recordings.names import (
    Window,
    plain_times,
    recording_of,
    refuse_contradiction,
    split_window,
    without_window,
)
from ..datasets.stores import is_store
from ..errors import InputError
from ..functional.group_division import group_named, group_pattern
from ..recipes.running.in_process import silent
from ..texts import read_table

Say = Callable[[str], object]


@dataclass(frozen=True)
class Video:
    """A video of the user.

    Attributes:
        name: Path relative to the folder, with forward slashes. A window of a recording has its times: ``match.mp4#t=2,5``.
        path: Absolute path.
        label: Its class; None without a label.
        group: Scene, person or recording that it belongs to.
    """

    name: str
    path: str
    label: str | None
    group: str


@dataclass(frozen=True)
class Found:
    """The videos of a folder.

    Attributes:
        videos: All videos, sorted by name.
        grouped: Whether groups were given. Otherwise every video is a group of its own, with all its windows.
    """

    videos: list[Video]
    grouped: bool

    @property
    def labeled(self) -> list[Video]:
        """Videos with a label."""
        return [video for video in self.videos if video.label is not None]

    @property
    def divided(self) -> bool:
        """Whether there are windows of recordings."""
        return any(without_window(video.name) != video.name for video in self.videos)

    @property
    def units(self) -> str:
        """What is never divided between two sides of a split."""
        return 'groups' if self.grouped else 'recordings' if self.divided else 'clips'

    @property
    def classes(self) -> list[str]:
        """Names of the classes, sorted; the index of a name is the label."""
        return sorted({video.label for video in self.videos if video.label is not None})


def find_videos(
    folder: str | Path,
    labels: str | Path | None = None,
    groups: str | Path | None = None,
    pattern: str | None = None,
    windows: Windows = WHOLE,
    say: Say = print,
) -> Found:
    """Find the videos of a folder.

    Args:
        folder: Folder with ``class/video.mp4``; or any folder of videos, with ``labels``. Videos that lie in it directly
            have no label.
        labels: CSV with the columns ``path, label`` or ``class, file``, and optionally ``group``. Videos that it does not
            name have no label. It may name windows of recordings (``match.mp4#t=2,5``). None takes ``labels.csv`` in the
            folder if no video is in a sub-folder.
        groups: CSV with the columns ``path, group`` or ``class, file, group``. None takes ``groups.csv`` in the folder. The
            group of a recording is that of its windows.
        pattern: Regular expression whose bracket is the group, searched in the path of a video in the folder.
        windows: How videos are divided. The windows of ``labels`` stay as they are; others that overlap them are left out.
            Undivided, a recording with such windows is used in these only. One that is shorter than a window stays whole.
        say: Takes a line about what was left out or assumed.

    Raises:
        InputError: If there is no video or no label, a table or pattern cannot be used, windows of different labels
            overlap, or all videos are shorter than a window.
    """
    if groups is not None and pattern is not None:
        raise InputError('--groups, --group-pattern: give one of them')
    if is_store(str(folder)):
        raise InputError(f'{folder}: is a store; give the folder of the videos that it was packed from')
    index, root = FileIndex(folder), Path(folder).resolve()
    names = sorted(index.paths)
    flat = [name for name in names if '/' not in name]
    if labels is None and len(flat) == len(names) and Path(folder, 'labels.csv').is_file():
        labels = Path(folder, 'labels.csv')
        say(f'labels: those of {labels}')
    named = _table(labels, index, 'label', say) if labels is not None else _Named({}, {}, {})
    label_of, group_of = named.labels, named.groups
    if labels is None:
        label_of = {name: name.split('/', 1)[0] for name in names if '/' in name}
        if label_of and flat:
            say(
                f'videos directly in {folder}: {len(flat)}, such as {flat[0]}; they have no label and are for pretraining only'
            )
    if not label_of:
        raise InputError(
            f'{folder}: no video has a label; expected class/video.mp4, or --labels labels.csv with the columns path,label; '
            'tools/select_to_label.py says which videos to label first'
        )
    for alike in spelled_twice(label_of.values()):
        say(f'classes {alike} differ by case alone: if they are one class, spell it in one way')
    paths = [str(root / name) for name in label_of]
    refuse_contradiction(labels, 'labels', paths, [*label_of.values()], [*label_of])
    names = _divided(names, named.windows, str(labels), folder, windows, say)
    if groups is None and pattern is None and not group_of and Path(folder, 'groups.csv').is_file():
        groups = Path(folder, 'groups.csv')
        say(f'groups: those of {groups}')
    if groups is not None:
        group_of = _table(groups, index, 'group', say).groups
    idle = sorted({*label_of} - {*names, *(without_window(name) for name in names if name not in label_of)})
    if idle:
        short = 'have no shot between two cuts that is as long as a window, or ' if windows.at_cuts else ''
        say(f'{len(idle)} labelled recordings {short}are used in the windows that have a row only, such as {idle[0]}')
    _share_groups(group_of)
    videos = [
        Video(name, str(root / name), _of(label_of, name), _of(group_of, name) or without_window(name))
        for name in names
    ]
    for label in sorted({*label_of.values()} - {video.label for video in videos if video.label is not None}):
        say(f'class {label} has no window that can be used: left out')
    if groups is not None:
        bare = [video.name for video in videos if video.label is not None and _of(group_of, video.name) is None]
        if bare:
            say(f'{groups}: {len(bare)} labelled videos have no group, such as {bare[0]}: each is a group of its own')
    if pattern is not None:
        videos = _grouped(videos, pattern, root)
    paths, names = [video.path for video in videos], [video.name for video in videos]
    refuse_contradiction(groups or labels, 'groups', paths, [video.group for video in videos], names)
    return Found(videos, bool(group_of) or pattern is not None)


def _grouped(videos: Sequence[Video], pattern: str, root: Path) -> list[Video]:
    """The videos in the groups of a pattern, which every labelled video must have."""
    labeled = [Clip(video.path, str(video.label), video.name) for video in videos if video.label is not None]
    by_path = {clip.path: clip.group for clip in group_by_pattern(labeled, pattern, root)}
    compiled = group_pattern(pattern, f"group pattern '{pattern}'")
    for video in videos:  # an unlabelled video of a group that is tested must not be pretrained on
        recording = recording_of(video.path).removeprefix(str(root))
        if video.label is None and (group := group_named(compiled, recording)):
            by_path[video.path] = group
    return [replace(video, group=by_path.get(video.path, video.group)) for video in videos]


def _share_groups(group_of: dict[str, str]) -> None:
    """Give a recording the group of its windows, if they have one group. Its other windows are of it, too."""
    of_recording = defaultdict[str, set[str]](set)
    for name, group in group_of.items():
        of_recording[without_window(name)].add(group)
    for recording, found in of_recording.items():
        if len(found) == 1:
            group_of.setdefault(recording, *found)


def _of(values: Mapping[str, str], name: str) -> str | None:
    """The value of a video, or that of its recording."""
    return values.get(name, values.get(without_window(name)))


def _divided(
    names: Sequence[str], named: Mapping[str, int], table: str, folder: str | Path, windows: Windows, say: Say
) -> list[str]:
    """Names of the videos to use: the windows that a table names, and the rest, whole or divided.

    Args:
        names: All files in the folder.
        named: The windows that a table names, with their lines.
        table: The table, for messages.
        folder: Folder of the videos.
        windows: How the rest is divided.
        say: Takes a line about recordings that are used in part.
    """
    root = str(Path(folder).resolve())

    def expanded(some: Iterable[str], how: Windows, source: str, lines: Sequence[int] = ()) -> list[str]:
        samples = [dict(filename=os.path.join(root, name)) for name in some]
        with silent():
            found = expand(samples, source, how, folder=root, line_of=lines.__getitem__ if lines else None)[0]
        return [Path(sample['filename']).relative_to(root).as_posix() for sample in found]

    how, taken = windows.check('own_videos'), defaultdict[str, list[Window]](list)
    for name in expanded(named, WHOLE, table, [*named.values()]):
        recording, window = split_window(os.path.join(root, name))
        assert window is not None
        taken[os.path.relpath(recording, root)].append(window)
    if how.seconds is None:
        if taken:
            say(
                f'{len(taken)} recordings are used in the windows that have a row only; --window 3 divides the rest of them into '
                'windows of 3 s, for pretraining'
            )
        return sorted([*named, *(name for name in names if name not in taken)])
    rest: list[str] = []
    whole: list[str] = []
    for name in expanded(names, how, str(folder)):
        recording, window = split_window(os.path.join(root, name))
        others = taken.get(os.path.relpath(recording, root), ())
        if not any(window is None or window.overlaps(other) for other in others):
            (whole if window is None else rest).append(name)
    beside = f', beside {len(named)} that have a row' if named else ''
    say(f'{len(names)} recordings are divided into {len(rest)} windows of {how.seconds:g} s{beside}')
    if whole:
        say(f'{len(whole)} of them are shorter, or cannot be read: not divided, such as {whole[0]}')
    return sorted([*named, *rest, *whole])


class _Named(NamedTuple):
    """What a table says: labels and groups by video, and the windows of recordings that have a row, with its line."""

    labels: dict[str, str]
    groups: dict[str, str]
    windows: dict[str, int]


def _table(table: str | Path, index: FileIndex, wanted: str, say: Say) -> _Named:
    """Labels and groups by video. Rows of files that do not exist are named and left out."""
    if not Path(table).is_file():
        raise InputError(f'{table}: no such table; expected a CSV with the columns path,{wanted} or class,file')
    rows = read_table(table).rows
    columns = set(rows[0][1]) if rows else set()
    named = 'path' if 'path' in columns else 'file'
    held = 'label' if 'label' in columns else 'class'
    if named not in columns or (held if wanted == 'label' else wanted) not in columns:
        raise InputError(
            f'{table}: expected the columns path,{wanted} or class,file{",group" * (wanted == "group")}; '
            f'found {", ".join(rows[0][1]) if rows else "no rows"}'
        )
    root = index.root.resolve()
    labels: dict[str, str] = {}
    groups: dict[str, str] = {}
    windows: dict[str, int] = {}
    lost: list[str] = []
    full: list[str] = []
    found: list[str | None] = []
    for line, row in rows:
        given = _inside(row[named].strip(), index.root)
        kind = row['class'].strip() if named == 'file' and 'class' in row else ''
        full.append(f'{kind}/{given}' if kind else given)
        where = f'{table}: line {line}'
        found.append(index.find(full[-1], where) or index.find(given, where))
    for (line, row), wanted_name, name in zip(rows, full, index.each_once(full, found)):
        if name is None:
            lost.append(wanted_name)
            continue
        if split_window(str(root / name))[1] is not None:
            name = Path(plain_times(str(root / name))).relative_to(root).as_posix()
            windows.setdefault(name, line)
        for column, into in ((held, labels), ('group', groups)):
            value = (row.get(column) or '').strip()
            if not value:
                continue
            if into.setdefault(name, value) != value:
                raise InputError(f'{table}: line {line} gives {name} the {column} {value}, another line {into[name]}')
    if lost:
        if len(lost) == len(rows):
            raise InputError(f'{table}: none of its {len(rows)} videos is in {index.root}, such as {examples(lost, 1)}')
        say(f'{table}: {len(lost)} of {len(rows)} videos do not exist and are left out: {examples(lost)}')
    return _Named(labels, groups, windows)


def _inside(name: str, root: Path) -> str:
    """Name relative to the folder, also of an absolute path, through links or not."""
    path = Path(name)
    if not path.is_absolute():
        return name
    folders = (root.absolute(), root.resolve())
    written = (path, path.parent.resolve() / path.name)  # the video itself may be a link to elsewhere
    inside = (one.relative_to(folder).as_posix() for one in written for folder in folders if one.is_relative_to(folder))
    return next(inside, name)


def without_small_classes(found: Found, least: int, say: Say = print) -> Found:
    """Take the label from the videos of classes with too few groups to be on every side of a split.

    Args:
        found: The videos.
        least: Smallest number of groups of a class.
        say: Takes a line for each class that is left out.

    Raises:
        InputError: If fewer than two classes remain.
    """
    groups_of: Mapping[str, set[str]] = {
        name: {video.group for video in found.labeled if video.label == name} for name in found.classes
    }
    counts = Counter(video.label for video in found.labeled)
    small = [name for name, groups in groups_of.items() if len(groups) < least]
    kept = [name for name in groups_of if name not in small]
    what = found.units
    if len(groups_of) == 1:
        raise InputError(f'all labelled videos are of one class, {next(iter(groups_of))}: nothing can be told apart')
    if found.grouped and len({video.group for video in found.labeled}) == 1:
        raise InputError(
            'all labelled videos are of one group: no clip of another recording is left to test on; give finer groups'
        )
    if len(kept) < 2:
        shown = examples([f'{name} has {len(groups_of[name])}' for name in small])
        raise InputError(f'fewer than two classes have {least} {what} to learn from and to test on: {shown}')
    for name in small:
        say(f'class {name} has {counts[name]} clip(s) of {len(groups_of[name])} group(s) and needs {least}: left out')
    if not small:
        return found
    return Found([replace(v, label=None) if v.label in small else v for v in found.videos], found.grouped)


def leave_out(found: Found, names: Sequence[str]) -> Found:
    """The videos without some of them."""
    gone = set(names)
    return Found([video for video in found.videos if video.name not in gone], found.grouped)
