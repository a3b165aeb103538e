"""Shared parts of the readers: interface, damaged ends of files, one-line errors."""

from __future__ import annotations

import functools
import os
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn, Self

import numpy as np

from ...errors import InputError, VideoReadError
from .limits import MAX_PIXELS, guarded

CHANNEL_ORDERS = ('rgb', 'bgr')
# Containers may announce a frame or two more than their last packets yield.
TOLERATED_AT_END = 2
_BLOCK, _BLOCK_BYTES = 64, 2**28


class Reader:
    """Base of the readers.

    An error of a library in a reader's methods, or a lack of memory, becomes a :class:`VideoReadError`. A ``with`` block
    closes the reader.

    Args:
        path: Video file or frame folder.
        channel_order: 'rgb', or 'bgr' as in the original loaders.
        max_pixels: Largest number of pixels per frame. A video with larger frames is refused.
    """

    num_frames: int = 0
    fps: float | None = None

    def __init__(self, path: str, channel_order: str = 'rgb', max_pixels: int = MAX_PIXELS) -> None:
        self.path = path
        self.channel_order = channel_order
        self.max_pixels = max_pixels

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in ('__init__', 'read', 'stream', 'frames'):
            if name in vars(cls):
                method = vars(cls)[name]
                setattr(cls, name, guarded(_in_range(method) if name == 'read' else method))

    @classmethod
    def missing(cls) -> str:
        """What is missing here for this reader and what to install, in words. '' if it can be used."""
        return ''

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """Frames of the given numbers, in their order, each uint8 (H, W, 3), or (H, W, C) of another type.

        Ascending distinct numbers are the fastest. A subclass gets no others, and none outside the video.

        Raises:
            VideoReadError: If there is no such frame, or no number at all.
        """
        raise NotImplementedError

    def stream(self) -> Iterator[np.ndarray]:
        """All frames in order, as :meth:`read` gives them. Only a few are in memory at a time."""
        start, block = 0, 1
        while start < self.num_frames:
            frames = self.read(range(start, min(start + block, self.num_frames)))
            start += len(frames)
            block = max(1, min(_BLOCK, _BLOCK_BYTES // frames[0].nbytes))
            yield from frames

    def times(self) -> np.ndarray | None:
        """Presentation time of each frame, without decoding.

        Returns:
            Seconds after the first frame, ascending, float64 (num_frames,). Where a file has no time stamps or false
            ones, the frames are counted at ``fps``. None if ``fps`` is unknown as well.
        """
        return np.arange(self.num_frames) / self.fps if self.fps else None

    def close(self) -> None:
        """Release the file."""

    def _not_of_mmaction(self, *_: object, **__: object) -> NoReturn:
        """Methods of the readers that MMAction2's steps open. Its steps that decode ask for them.

        Raises:
            InputError: Always. It says which step decodes.
        """
        raise InputError(
            f'{self.path}: auxskd_mm.OpenVideo opened it; put auxskd_mm.DecodeClips in place of the step of MMAction2 that '
            'decodes'
        )

    get_batch = seek = decode = __getitem__ = _not_of_mmaction

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _require(self) -> None:
        """Refuse a missing or empty file with a plain reason, independent of the backend."""
        require_regular(self.path)
        if os.path.getsize(self.path) == 0:
            raise VideoReadError(self.path, 'the file is empty (0 bytes)')

    def _complete(self, found: dict[int, np.ndarray], indices: Sequence[int]) -> list[np.ndarray]:
        """Frames in order. The last decodable frame replaces the few that a container announces beyond its end."""
        missing = [i for i in indices if i not in found]
        if missing:
            last = max(found, default=-1)
            if last < 0 or missing[0] < self.num_frames - TOLERATED_AT_END:
                raise VideoReadError(
                    self.path, f'frame {missing[0]} of {self.num_frames} cannot be decoded (damaged or truncated file)'
                )
            found.update(dict.fromkeys(missing, found[last]))
        return [found[i] for i in indices]


def _in_range(read: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a reader's ``read``, so that it gets only frames of the video, ascending and distinct.

    Python, the libraries and the files of a store all take other numbers, and give other frames for them.
    """

    @functools.wraps(read)
    def call(self: Reader, indices: Sequence[int], *args: object, **kwargs: object) -> Any:
        numbers = np.asarray(indices, dtype=np.int64).reshape(-1).tolist()
        distinct = sorted(set(numbers))
        if not distinct or distinct[0] < 0 or distinct[-1] >= self.num_frames:
            asked = f'{distinct[0]} to {distinct[-1]}' if distinct else 'none'
            raise VideoReadError(self.path, f'has {self.num_frames} frames, asked for {asked}')
        found = read(self, distinct, *args, **kwargs)
        if distinct == numbers:
            return found
        places = [bisect_left(distinct, number) for number in numbers]
        return found[places] if isinstance(found, np.ndarray) else [found[place] for place in places]

    return call


def runs_of(indices: Sequence[int], gap: int = 2) -> list[list[int]]:
    """Ascending numbers in groups that are read together. Neighbours in a group are less than ``gap`` apart."""
    runs: list[list[int]] = []
    for i in indices:
        if runs and i - runs[-1][-1] < gap:
            runs[-1].append(i)
        else:
            runs.append([i])
    return runs


def require_regular(path: str) -> None:
    """Refuse any path but a regular file. Opening a pipe would wait for its writer.

    Raises:
        VideoReadError: If the path does not exist or is not a regular file.
    """
    path = os.fspath(path)
    if '\0' in path:
        raise VideoReadError(path.replace('\0', '\\0'), 'has a zero byte in its name, which no file can have')
    if not os.path.exists(path):
        raise VideoReadError(path, 'no such file')
    if not os.path.isfile(path):
        raise VideoReadError(path, 'a pipe, socket or device, and no regular file')
