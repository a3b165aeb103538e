"""Finds the videos of a folder, their labels and their groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..datasets.preparation.file_index import FileIndex
from ..datasets.preparation.group_split import Clip
from ..datasets.preparation.labeled_list import examples
from ..datasets.preparation.own_folder import group_by_pattern
from ..errors import InputError
from ..functional.group_division import group_named, group_pattern
from ..texts import read_table

Say = Callable[[str], object]


@dataclass(frozen=True)
class Video:
    """A video of the user.

    Attributes:
        name: Path relative to the folder, with forward slashes.
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
        grouped: Whether groups were given. Otherwise every video is a group of its own.
    """

    videos: list[Video]
    grouped: bool

    @property
    def labeled(self) -> list[Video]:
        """Videos with a label."""
        return [video for video in self.videos if video.label is not None]

    @property
    def classes(self) -> list[str]:
        """Names of the classes, sorted; the index of a name is the label."""
        return sorted({video.label for video in self.videos if video.label is not None})


def find_videos(
    folder: str | Path,
    labels: str | Path | None = None,
    groups: str | Path | None = None,
    pattern: str | None = None,
    say: Say = print,
) -> Found:
    """Find the videos of a folder.

    Args:
        folder: Folder with ``class/video.mp4``; or any folder of videos, with ``labels``. Videos that lie in it directly
            have no label.
        labels: CSV with the columns ``path, label`` or ``class, file``, and optionally ``group``. Videos that it does not
            name have no label. None takes ``labels.csv`` in the folder if no video is in a sub-folder.
        groups: CSV with the columns ``path, group`` or ``class, file, group``. None takes ``groups.csv`` in the folder.
        pattern: Regular expression whose bracket is the group, searched in the path of a video in the folder.
        say: Takes a line about what was left out or assumed.

    Raises:
        InputError: If there is no video or no label, or a table or pattern cannot be used.
    """
    if groups is not None and pattern is not None:
        raise InputError('--groups, --group-pattern: give one of them')
    index, root = FileIndex(folder), Path(folder).resolve()
    names = sorted(index.paths)
    flat = [name for name in names if '/' not in name]
    if labels is None and len(flat) == len(names) and Path(folder, 'labels.csv').is_file():
        labels = Path(folder, 'labels.csv')
        say(f'labels: those of {labels}')
    label_of, group_of = _table(labels, index, 'label', say) if labels is not None else ({}, {})
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
    videos = [Video(name, str(root / name), label_of.get(name), group_of.get(name, name)) for name in names]
    if groups is None and pattern is None and not group_of and Path(folder, 'groups.csv').is_file():
        groups = Path(folder, 'groups.csv')
        say(f'groups: those of {groups}')
    if groups is not None:
        group_of = _table(groups, index, 'group', say)[1]
        bare = [name for name in names if name in label_of and name not in group_of]
        if bare:
            say(f'{groups}: {len(bare)} labelled videos have no group, such as {bare[0]}: each is a group of its own')
        videos = [replace(video, group=group_of.get(video.name, video.name)) for video in videos]
    if pattern is not None:
        labeled = [video for video in videos if video.label is not None]
        clips = group_by_pattern([Clip(v.path, str(v.label), v.name) for v in labeled], pattern, Path(folder))
        by_path = {clip.path: clip.group for clip in clips}
        start, compiled = str(Path(folder).resolve()), group_pattern(pattern, f"group pattern '{pattern}'")
        for video in videos:  # an unlabelled video of a group that is tested must not be pretrained on
            if video.label is None and (group := group_named(compiled, video.path.removeprefix(start))):
                by_path[video.path] = group
        videos = [replace(video, group=by_path.get(video.path, video.group)) for video in videos]
    return Found(videos, bool(group_of) or pattern is not None)


def _table(table: str | Path, index: FileIndex, wanted: str, say: Say) -> tuple[dict[str, str], dict[str, str]]:
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
    labels: dict[str, str] = {}
    groups: dict[str, str] = {}
    lost: list[str] = []
    for line, row in rows:
        given = row[named].strip()
        full = f'{row["class"].strip()}/{given}' if named == 'file' and row.get('class', '').strip() else given
        where = f'{table}: line {line}'
        name = index.find(_inside(full, index.root), where) or index.find(_inside(given, index.root), where)
        if name is None:
            lost.append(full)
            continue
        if not (index.root / name).exists():  # FileIndex finds windows by their recording
            raise InputError(
                f'{where} names a window of a recording, {full}; expected whole videos: cut it out into a file '
                'of its own, or take tools/data/prepare_folder.py --table and a config'
            )
        for column, into in ((held, labels), ('group', groups)):
            value = (row.get(column) or '').strip()
            if not value:
                continue
            if into.setdefault(name, value) != value:
                raise InputError(f'{where} gives {name} the {column} {value}, another line {into[name]}')
    if lost:
        if len(lost) == len(rows):
            raise InputError(f'{table}: none of its {len(rows)} videos is in {index.root}, such as {examples(lost, 1)}')
        say(f'{table}: {len(lost)} of {len(rows)} videos do not exist and are left out: {examples(lost)}')
    return labels, groups


def _inside(name: str, root: Path) -> str:
    """Name relative to the folder, also of an absolute path."""
    path = Path(name)
    return (
        path.relative_to(root.resolve()).as_posix()
        if path.is_absolute() and path.is_relative_to(root.resolve())
        else name
    )


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
    what = 'groups' if found.grouped else 'clips'
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
