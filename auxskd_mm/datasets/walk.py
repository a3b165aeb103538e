"""Finding videos and frame folders under a folder or by a glob, and reporting files that are left out."""

from __future__ import annotations

import glob
import logging
import os
import stat
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mmengine.logging import print_log

from .readers.frame_names import is_numbered
from .readers.tiff_header import TIFF_SUFFIXES, has_pages
from .suffixes import ARRAY_SUFFIXES, IMAGE_SUFFIXES, VIDEO_SUFFIXES

# Kinds of what is left out, the grave ones first; everything else is counted by its suffix.
_UNREADABLE, _BROKEN = 'folders that cannot be read', 'broken links'
_NOT_REGULAR = 'pipes, sockets or devices'
_NO_NUMBER, _ABOVE_VIDEOS = 'images without a number', 'image folders with videos below them'
_HIDDEN = 'hidden files or folders'
_GRAVE = (_UNREADABLE, _BROKEN, _NOT_REGULAR)
_NAMED = (*_GRAVE, _NO_NUMBER, _ABOVE_VIDEOS, _HIDDEN)
_MOST_SUFFIXES = 8
# The hidden folder of the indexes of long recordings.
INDEX_FOLDER = '.frame_index'
# Several data sets of a process may walk the same folder.
_SAID: set[str] = set()


@dataclass
class Walk:
    """The result of a search.

    Attributes:
        paths: Video files and frame folders in a fixed order: the files of a folder, then its sub-folders.
        left_out: For each kind of left-out file, the number of files and the path of one of them.
    """

    paths: list[str] = field(default_factory=list)
    left_out: dict[str, tuple[int, str]] = field(default_factory=dict)

    def leave_out(self, kind: str, path: str, count: int = 1) -> None:
        """Count files that are not videos."""
        known, example = self.left_out.get(kind, (0, path))
        self.left_out[kind] = known + count, min(example, path)

    def summary(self) -> str:
        """One line on the left-out files. '' if there are none."""
        plain = sorted((-count, kind) for kind, (count, _) in self.left_out.items() if kind not in _NAMED)
        words = [f'{-count} {kind}' for count, kind in plain[:_MOST_SUFFIXES]]
        if len(plain) > _MOST_SUFFIXES:
            words.append(f'{-sum(count for count, _ in plain[_MOST_SUFFIXES:])} with other suffixes')
        named = ((kind, *self.left_out[kind]) for kind in _NAMED if kind in self.left_out)
        parts = [', '.join(words)] if words else []
        return '; '.join(parts + [f'{kind}: {count} (such as {example})' for kind, count, example in named])

    def report(self, source: str) -> None:
        """Log the left-out files, once per process."""
        line = f'{source}: left out {self.summary()}'
        if self.left_out and line not in _SAID:
            _SAID.add(line)
            grave = any(kind in self.left_out for kind in _GRAVE)
            print_log(line, logger='current', level=logging.WARNING if grave else logging.INFO)


def walk_videos(folder: str) -> Walk:
    """Videos and frame folders under a folder.

    Each folder is visited once, even if several links lead to it. A folder below ``folder`` is visited under its own
    path. Only regular files count, so that no reader waits for a pipe with the name of a video. A folder of numbered
    images is a frame folder if no video lies in it or below it.

    Args:
        folder: Folder to search. It may itself be a frame folder.
    """
    walk = Walk()
    frames: list[str] = []
    for parent, entries in _visit(folder, walk):
        walk.paths.extend(entries.videos)
        if entries.has_frames:
            frames.append(parent)
    walk.paths = _in_order(walk, frames)
    return walk


def find_by_glob(pattern: str) -> Walk:
    """Videos and frame folders that a glob matches, each once. ``**`` does not search hidden folders."""
    walk = Walk()
    for path in _each_once(_expand(pattern)):
        if os.path.isdir(path):
            walk.paths.extend([path] if is_frame_folder(path) else [])
        elif _is_regular(path, walk):
            _sort_file(path, os.path.basename(path), walk, walk.paths)
    return walk


def is_frame_folder(path: str) -> bool:
    """Whether :func:`walk_videos` takes the folder itself for a video."""
    try:
        entries = _look_into(path, Walk())
    except OSError:
        return False
    return entries.has_frames and (not (entries.folders or entries.links) or path in walk_videos(path).paths)


def is_regular(path: str) -> bool:
    """Whether a path is a regular file, which supports reading and seeking. Also False if the path does not exist."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False


@dataclass
class _Entries:
    """The entries of one folder."""

    folders: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    videos: list[str] = field(default_factory=list)
    has_frames: bool = False


def _visit(folder: str, walk: Walk) -> Iterator[tuple[str, _Entries]]:
    """Visit a folder ('' is the current one) and all below it, each once: first real folders, then link targets."""
    seen: set[tuple[int, int]] = set()
    links = deque([folder])
    while links:
        waiting = [links.popleft()]
        while waiting:
            parent = waiting.pop()
            try:
                status = os.stat(parent or '.')
                if (status.st_dev, status.st_ino) in seen:
                    continue
                seen.add((status.st_dev, status.st_ino))
                entries = _look_into(parent, walk)
            except OSError as error:
                walk.leave_out(_UNREADABLE, f'{parent}: {error.strerror}')
                continue
            yield parent, entries
            waiting.extend(sorted(entries.folders, reverse=True))
            links.extend(sorted(entries.links))


def _look_into(parent: str, walk: Walk) -> _Entries:
    entries = _Entries()
    images: list[str] = []
    with os.scandir(parent or '.') as found:
        for entry in found:
            path = os.path.join(parent, entry.name)
            if entry.name == INDEX_FOLDER:
                continue
            if entry.name.startswith('.'):
                walk.leave_out(_HIDDEN, path)
            elif _is_folder(entry):
                (entries.links if entry.is_symlink() else entries.folders).append(path)
            elif _is_regular(path, walk, entry):
                _sort_file(path, entry.name, walk, entries.videos, images)
    _divide_tiffs(entries.videos, images)
    numbered = [path for path in images if is_numbered(os.path.basename(path))]
    if numbered and entries.videos and all(path.lower().endswith(ARRAY_SUFFIXES) for path in entries.videos):
        # Poses, masks or features of the video whose frames these are.
        for path in entries.videos:
            walk.leave_out(_suffix(path), path)
        entries.videos.clear()
    if entries.videos:
        for path in images:
            walk.leave_out(_suffix(path), path)
        return entries
    entries.has_frames = bool(numbered)
    if len(numbered) < len(images):
        walk.leave_out(_NO_NUMBER, min(set(images) - set(numbered)), len(images) - len(numbered))
    return entries


def _divide_tiffs(videos: list[str], images: list[str]) -> None:
    """Move the TIFF files of a folder from the videos to the images if they have one page each.

    The first of them decides, since a folder may hold a million of them.
    """
    tiffs = [path for path in videos if path.lower().endswith(TIFF_SUFFIXES)]
    if tiffs and not has_pages(min(tiffs)):
        videos[:] = [path for path in videos if not path.lower().endswith(TIFF_SUFFIXES)]
        images.extend(tiffs)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_regular(path: str, walk: Walk, entry: os.DirEntry[str] | None = None) -> bool:
    """Whether a file can be opened without waiting. If not, count it. An entry saves the access to the disk."""
    try:
        if entry.is_file() if entry is not None else is_regular(path):
            return True
    except OSError:
        pass
    walk.leave_out(_NOT_REGULAR if os.path.exists(path) else _BROKEN, path)
    return False


def _sort_file(path: str, name: str, walk: Walk, videos: list[str], images: list[str] | None = None) -> None:
    lower = name.lower()
    if images is None and lower.endswith(TIFF_SUFFIXES) and not has_pages(path):
        walk.leave_out(_suffix(name), path)
    elif lower.endswith(VIDEO_SUFFIXES):
        videos.append(path)
    elif images is not None and lower.endswith(IMAGE_SUFFIXES):
        images.append(path)
    else:
        walk.leave_out(_suffix(name), path)


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower() or 'without suffix'


def _in_order(walk: Walk, frames: list[str]) -> list[str]:
    """Videos, and frame folders without a video below them, in the order of a walk from the top."""
    keyed = [(tuple(os.path.dirname(path).split(os.sep)), os.path.basename(path), path) for path in walk.paths]
    keyed += [(tuple(path.rstrip(os.sep).split(os.sep)), '', path) for path in frames]
    keyed.sort()
    kept: list[str] = []
    for i, (folder, name, path) in enumerate(keyed):
        # What lies below a folder comes right after it.
        if not name and i + 1 < len(keyed) and keyed[i + 1][0][: len(folder)] == folder:
            walk.leave_out(_ABOVE_VIDEOS, path)
        else:
            kept.append(path)
    return kept


def _each_once(paths: Iterable[str]) -> list[str]:
    """Paths in order, without repeats. Of several paths to one entry, keep the path without links, or the first."""
    real: dict[str, str] = {}
    found: dict[tuple[str, str], tuple[bool, str]] = {}
    for path in paths:
        folder, name = os.path.split(path.rstrip(os.sep))
        if folder not in real:
            real[folder] = os.path.realpath(folder)
        key = real[folder], name
        found[key] = min(found.get(key, (True, path)), (os.path.abspath(folder) != real[folder], path))
    return sorted(path for _, path in found.values())


def _expand(pattern: str) -> Iterator[str]:
    """Paths that a glob matches. Python's own ``**`` follows one link to a parent 40 times, two links forever."""
    parts = pattern.split(os.sep)
    if '**' not in parts:
        yield from glob.iglob(pattern)
        return
    at = parts.index('**')
    head, tail = os.sep.join(parts[:at]), os.sep.join(parts[at + 1 :]) or '*'
    for base in sorted(glob.glob(head)) if head else [os.sep if at else '']:
        for folder, _ in _visit(base, Walk()):
            yield from _expand(os.path.join(glob.escape(folder), tail))
