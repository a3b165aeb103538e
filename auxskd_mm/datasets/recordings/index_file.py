"""The index of a recording's frames, made once and kept in a file.

Making the index reads every packet of the recording. Its file holds the time stamp and the time of each frame, and the
time stamp and the byte position of each key frame. Processes map the file into memory and share its pages, so an index
of hours costs nothing to open. The file is written whole, under its name only when it is complete. Several processes may
write the same one. It is used as long as size and modification time of the recording are those that it names.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from ...errors import InputError
from ...files import file_state, write_whole
from ..readers.frame_index import NUMBERING, FrameIndex
from ..readers.limits import MAX_PIXELS
from ..readers.pyav import PyAVReader
from ..walk import INDEX_FOLDER

# Folders of indexes, the latest first. Worker processes inherit it, however they are started.
FOLDERS = 'AUXSKD_MM_FRAME_INDEX'
_SUFFIX = '.idx'
_VERSION = 1
_HEADER = 4096
_ARRAYS = (('order', '<i8'), ('times', '<f8'), ('keys', '<i8'), ('positions', '<i8'))
_PLAIN = ('num_frames', 'fps', 'doubtful', 'simple', 'time_base', 'may_jump', 'counted')
_MOST_FOLDERS = 16
_NAME_BYTES = 80
# Indexes that a process keeps open. Their pages are those of the files, which the system may drop.
_MOST_OPEN = 64
_OPEN: OrderedDict[tuple[str, int, int], KeptIndex] = OrderedDict()
_SAID: set[str] = set()


@dataclass
class KeptIndex:
    """Index of a recording.

    Attributes:
        frames: Index of the frames. Its ``order``, ``keys`` and ``positions`` are arrays.
        times: Presentation time of each frame; see :meth:`Reader.times`. None if it is unknown.
        kept: Whether it is in a file.
    """

    frames: FrameIndex
    times: np.ndarray | None
    kept: bool = False


def remember_folder(folder: str) -> None:
    """Keep indexes in a folder from now on, in this process and those that it starts.

    Args:
        folder: The folder of a list, or a folder of recordings. The indexes go into a hidden folder in it.
    """
    kept = os.path.join(os.path.abspath(folder), INDEX_FOLDER)
    known = [path for path in _folders() if path != kept]
    os.environ[FOLDERS] = json.dumps([kept, *known][:_MOST_FOLDERS])


def kept_index(path: str, max_pixels: int = MAX_PIXELS) -> KeptIndex:
    """Index of a recording from memory or its file, else a new one.

    A new index is kept in the folder that :func:`remember_folder` named last, or in the user's cache if that folder cannot
    be written. Without a remembered folder it stays in memory.

    Raises:
        VideoReadError: If the recording is damaged or shows no frames.
    """
    path = os.path.abspath(path)
    state = (path, *file_state(path))
    index = _OPEN.get(state)
    if index is None:
        index = _OPEN[state] = _find(state) or _make(path, max_pixels)
        if len(_OPEN) > _MOST_OPEN:
            _OPEN.popitem(last=False)
    _OPEN.move_to_end(state)
    if not index.kept and _folders():
        index.kept = keep_beside(path, _SUFFIX, _content(state, index))
    return index


def _folders() -> list[str]:
    # As JSON, since any sign that divides paths in an environment may be part of a path.
    return json.loads(os.environ.get(FOLDERS) or '[]')


def places_beside(path: str, suffix: str) -> list[Path]:
    """Files that may hold what is kept of a recording, the first to be written first."""
    path = os.path.abspath(path)
    # A name has at most 255 bytes, and a sign may have four.
    start = os.fsencode(os.path.basename(path))[:_NAME_BYTES].decode('utf-8', 'ignore')
    name = f'{start}-{hashlib.blake2b(os.fsencode(path), digest_size=8).hexdigest()}{suffix}'
    cache = os.path.join(os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'auxskd_mm', 'frame_index')
    beside = os.path.join(os.path.dirname(path), INDEX_FOLDER)
    return [Path(folder, name) for folder in dict.fromkeys([*_folders(), beside, cache])]


def keep_beside(path: str, suffix: str, content: bytes) -> bool:
    """Keep something of a recording in the folder of :func:`remember_folder`, else in the user's cache.

    Returns:
        Whether it could be written. If not, the reason is logged once.
    """
    places, reason = places_beside(path, suffix), ''
    for place in (places[0], places[-1]):
        try:
            write_whole(place, content)
            return True
        except InputError as error:
            reason = reason or str(error)
    if reason not in _SAID:
        _SAID.add(reason)
        print_log(f'{reason}; each process makes it anew', logger='current', level=logging.WARNING)
    return False


def _find(state: tuple[str, int, int]) -> KeptIndex | None:
    for place in places_beside(state[0], _SUFFIX):
        index = _load(place, state)
        if index is not None:
            return index
    return None


def _make(path: str, max_pixels: int) -> KeptIndex:
    with PyAVReader(path, max_pixels=max_pixels) as reader:
        found, times = reader.index, reader.times()
    arrays = {
        key: None if (part := getattr(found, key)) is None else np.asarray(part, np.int64)
        for key, kind in _ARRAYS
        if kind == '<i8'
    }
    return KeptIndex(FrameIndex(**{**vars(found), **arrays}), times)


def _content(state: tuple[str, int, int], index: KeptIndex) -> bytes:
    arrays = [index.times if key == 'times' else getattr(index.frames, key) for key, _ in _ARRAYS]
    header: dict[str, Any] = dict(version=_VERSION, numbering=NUMBERING, path=state[0], size=state[1], mtime=state[2])
    header['lengths'] = [None if part is None else len(part) for part in arrays]
    header.update({key: getattr(index.frames, key) for key in _PLAIN})
    text = json.dumps(header).encode()
    if len(text) > _HEADER:  # of a path of thousands of characters: it only tells people what the file is of
        text = json.dumps(dict(header, path='')).encode()
    kinds = [kind for _, kind in _ARRAYS]
    parts = [np.ascontiguousarray(part, kind).tobytes() for part, kind in zip(arrays, kinds) if part is not None]
    return b''.join([text.ljust(_HEADER), *parts])


def _load(place: Path, state: tuple[str, int, int]) -> KeptIndex | None:
    """Index in a file. None if it is missing, damaged, of another version or of another state of the recording."""
    try:
        with open(place, 'rb') as file:
            header = json.loads(file.read(_HEADER))
            size = os.fstat(file.fileno()).st_size
        stated = (header['version'], header['numbering'], header['size'], header['mtime'])
        lengths = [0 if length is None else int(length) for length in header['lengths']]
        if stated != (_VERSION, NUMBERING, *state[1:]) or size != _HEADER + 8 * sum(lengths):
            return None
        whole = np.memmap(place, np.uint8, 'r', _HEADER) if sum(lengths) else np.zeros(0, np.uint8)
        plain = {key: header[key] for key in _PLAIN}
        arrays: dict[str, Any] = {}
        at = 0
        for (key, kind), stated_length, length in zip(_ARRAYS, header['lengths'], lengths):
            arrays[key] = None if stated_length is None else np.asarray(whole)[at : at + 8 * length].view(kind)
            at += 8 * length
        times = arrays.pop('times')
        return KeptIndex(FrameIndex(**plain, **arrays), times, kept=True)
    except (OSError, ValueError, KeyError, TypeError):
        return None
