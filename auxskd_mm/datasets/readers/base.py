"""Shared parts of the readers: interface, damaged ends of files, one-line errors."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import numpy as np

from ...errors import VideoReadError

CHANNEL_ORDERS = ('rgb', 'bgr')
# Containers may announce a frame or two more than their last packets yield.
TOLERATED_AT_END = 2
_BLOCK = 64


class Reader:
    """Base of the readers.

    Args:
        path: Video file or frame folder.
        channel_order: 'rgb', or 'bgr' as the original loaders fed their networks.
    """

    num_frames: int = 0
    fps: float | None = None

    def __init__(self, path: str, channel_order: str = 'rgb') -> None:
        self.path = path
        self.channel_order = channel_order

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """Frames of the given numbers (ascending, distinct), each uint8 (H, W, 3)."""
        raise NotImplementedError

    def stream(self) -> Iterator[np.ndarray]:
        """All frames in order, few of them in memory at a time."""
        for start in range(0, self.num_frames, _BLOCK):
            yield from self.read(range(start, min(start + _BLOCK, self.num_frames)))

    def close(self) -> None:
        """Release the file."""

    def _require(self) -> None:
        """Refuse a missing or empty file with a plain reason, whatever the backend would say."""
        require_regular(self.path)
        if os.path.getsize(self.path) == 0:
            raise VideoReadError(self.path, 'the file is empty (0 bytes)')

    def _complete(self, found: dict[int, np.ndarray], indices: Sequence[int]) -> list[np.ndarray]:
        """Frames in order; the last decodable one stands in for the few that a container announced beyond its end."""
        missing = [i for i in indices if i not in found]
        if missing:
            last = max(found, default=-1)
            if last < 0 or missing[0] < self.num_frames - TOLERATED_AT_END:
                raise VideoReadError(
                    self.path, f'frame {missing[0]} of {self.num_frames} cannot be decoded (damaged or truncated file)'
                )
            found.update(dict.fromkeys(missing, found[last]))
        return [found[i] for i in indices]


def require_regular(path: str) -> None:
    """Refuse anything but a regular file; opening a pipe would wait for its writer.

    Raises:
        VideoReadError: If it is none, or there is nothing.
    """
    if not os.path.exists(path):
        raise VideoReadError(path, 'no such file')
    if not os.path.isfile(path):
        raise VideoReadError(path, 'a pipe, socket or device, and no regular file')


def reason(error: BaseException) -> str:
    """One short line of an error; FFmpeg's repeats the path."""
    strerror = getattr(error, 'strerror', None)
    text = str(strerror or error).strip() or type(error).__name__
    return text.splitlines()[0][:120]
