"""Finds the videos that the names in a list mean."""

from __future__ import annotations

import os
from collections import defaultdict
from contextlib import suppress
from functools import cached_property
from typing import Any

from ..errors import InputError, VideoReadError
from .list_formats import Entry, Length
from .readers.open import open_reader, open_recording
from .readers.window import duration_of
from .recordings.names import recording_of, split_window, window_path
from .recordings.reader import usable_times
from .stores import is_store, open_store, stored_video_exists
from .stores.settings import member_stem
from .suffixes import VIDEO_SUFFIXES, meant_by_stem

# Bytes from which the index of a file is worth keeping for the next question.
_LARGE = 2**26


class Locator:
    """Finds the path of a name in a list.

    Args:
        prefix: Folder or store that names are relative to.
        suffix: Suffix of all names. '' takes the name itself, else the one file that has it and a video suffix.
        source: The list, for messages.
    """

    def __init__(self, prefix: str, suffix: str, source: str) -> None:
        self.prefix, self.suffix, self.source = prefix, suffix, source
        self._beside: dict[str, dict[str, list[str]]] = {}

    @cached_property
    def _stored(self) -> dict[str, str]:
        """Names in the store by the paths of their sources. Empty if the prefix is no store."""
        if not self.prefix or not is_store(self.prefix):
            return {}
        index = open_store(self.prefix).index
        return {os.path.realpath(source): name for source, name in zip(index.sources, index.names)}

    def __call__(self, name: str) -> str:
        """Path of a name, or virtual path of the name of a window.

        Raises:
            InputError: If several videos differ from the name by their suffix alone, or a window has wrong times.
        """
        try:
            recording, window = split_window(name)
            return self._file(recording) if window is None else window_path(self._file(recording), window)
        except InputError as error:
            raise InputError(f'{self.source}: {error}') from None

    def _file(self, name: str) -> str:
        if os.path.isabs(name) and self._stored:  # lists of prepare_folder.py: the video that was packed from there
            name = self._stored.get(os.path.realpath(name), name)
        path = os.path.join(self.prefix, name)
        if self.suffix or path.lower().endswith(VIDEO_SUFFIXES):
            return path + self.suffix
        found = meant_by_stem(self._with_suffix(path))
        if len(found) > 1 and len({*map(os.path.realpath, found)}) > 1:
            alike = ' or '.join(map(os.path.basename, found))
            raise InputError(f'{name} may be {alike} in {os.path.dirname(path)}; write the suffix of one')
        return found[0] if found else path

    def _with_suffix(self, path: str) -> list[str]:
        """The path itself if there is such a file, folder or stored video, else those with a video suffix."""
        folder, base = os.path.split(path)
        if folder not in self._beside:
            self._beside[folder] = _by_stem(folder or '.')
        alike = self._beside[folder].get(base, [])
        if base in alike or (not alike and exists(path)):
            return [path]
        # In a store, or a folder that cannot be listed, nothing is alike.
        return [os.path.join(folder, name) for name in alike] or [
            path + suffix for suffix in VIDEO_SUFFIXES if exists(path + suffix)
        ]


def _by_stem(folder: str) -> dict[str, list[str]]:
    """Names in a folder by their part before a video suffix: one look at it instead of several for each of its files. Empty
    if it cannot be listed.
    """
    found = defaultdict[str, list[str]](list)
    with suppress(OSError):
        for name in sorted(os.listdir(folder)):
            found[member_stem(name)].append(name)
    return found


def sample_of(filename: str, entry: Entry) -> dict[str, Any]:
    """The sample of a line of a list."""
    sample: dict[str, Any] = dict(filename=filename)
    if entry.num_frames is not None:
        sample['total_frames'] = entry.num_frames
    if entry.label is not None:
        sample['label'] = entry.label
    return sample


def length_of(path: str) -> Length | None:
    """Frames and duration of a video. None if it cannot be read."""
    try:
        large = os.path.isfile(path) and os.path.getsize(path) > _LARGE
        reader = open_recording(path) if large else open_reader(path)
    except VideoReadError:
        return None
    reader.close()
    times = usable_times(reader)
    return Length(reader.num_frames, None if isinstance(times, str) else duration_of(times, reader.fps))


def exists(path: str) -> bool:
    """Whether a path is a file, a folder, a video in a store, or a window of any of these."""
    return os.path.exists(path) or stored_video_exists(path) or _is_window_of_something(path)


def _is_window_of_something(path: str) -> bool:
    recording = recording_of(path)
    return recording != path and (os.path.exists(recording) or stored_video_exists(recording))
