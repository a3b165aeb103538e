"""A part of a recording that samplers and decoders read as a whole video."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...errors import InputError
from .base import Reader

# Time stamps and multiples of a stride are rounded.
_ROUNDED = 1e-6


class Window(NamedTuple):
    """A part of a recording: its start and end in seconds, its first frame, and its number of frames."""

    start: float
    end: float
    first: int
    count: int


class WindowReader(Reader):
    """Reader of the frames ``first .. first + count - 1`` of a recording, which it numbers from 0.

    Its times count from its first frame. :meth:`close` leaves the recording open for its other windows.

    Args:
        recording: Reader of the whole recording.
        first: First frame of the window.
        count: Number of frames, at least 1.

    Raises:
        InputError: If the window is not inside the recording.
    """

    def __init__(self, recording: Reader, first: int, count: int) -> None:
        super().__init__(recording.path, recording.channel_order, recording.max_pixels)
        if not 0 <= first < first + count <= recording.num_frames:
            raise InputError(
                f'{recording.path}: frames {first} to {first + count - 1} are not in its {recording.num_frames} frames'
            )
        self._recording, self._first = recording, first
        self.num_frames, self.fps = count, recording.fps

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """See :class:`Reader`."""
        return self._recording.read([self._first + i for i in indices])

    def times(self) -> np.ndarray | None:
        """See :class:`Reader`."""
        times = self._recording.times()
        return None if times is None else times[self._first : self._first + self.num_frames] - times[self._first]


def duration_of(times: np.ndarray, fps: float | None = None) -> float:
    """Duration in seconds. The last frame is shown as long as the median frame.

    Args:
        times: Time of each frame, see :meth:`Reader.times`.
        fps: Frame rate, for a recording with a single frame.
    """
    return float(times[-1]) + (float(np.median(np.diff(times))) if len(times) > 1 else 1 / fps if fps else 0.0)


def frames_between(times: np.ndarray, start: float, end: float) -> tuple[int, int]:
    """First frame and number of frames of the part ``start <= time < end``, in seconds.

    A part without a time stamp, as in a gap of a variable rate, has the one frame that is shown at its start.

    Args:
        times: Time of each frame, ascending, float64 (N,).
        start: Start of the part.
        end: End of the part.
    """
    first, after = np.searchsorted(times, [start - _ROUNDED, end - _ROUNDED]).tolist()
    return (first, after - first) if after > first else (max(first - 1, 0), 1)


def plan_windows(name: str, times: np.ndarray, fps: float | None, window: float, stride: float) -> list[Window]:
    """Windows that start at 0, stride, 2 * stride ... seconds and end inside the recording.

    Args:
        name: Name of the recording, for messages.
        times: Time of each frame, see :meth:`Reader.times`.
        fps: Average frame rate of the recording.
        window: Length of a window in seconds.
        stride: Distance of two starts in seconds, at least the mean distance of two frames.

    Raises:
        InputError: If a length is not a number above 0, the recording is shorter than a window, or the stride is
            shorter than a frame.
    """
    for key, value in (('window', window), ('stride', stride)):
        if not 0 < value < float('inf'):
            raise InputError(f'{key}={value:g}: expected a number of seconds above 0')
    length = duration_of(times, fps)
    if length < window - _ROUNDED - 0.5 * length / len(times):
        raise InputError(f'{name}: has {length:.3f} s and is shorter than window={window:g}; give a shorter window')
    if stride < length / len(times) - _ROUNDED:
        raise InputError(
            f'{name}: stride={stride:g} is shorter than a frame ({length / len(times):.4f} s); windows would repeat'
        )
    count = int(max(0.0, length - window) / stride + _ROUNDED) + 1
    starts = [k * stride for k in range(count)]
    return [Window(start, start + window, *frames_between(times, start, start + window)) for start in starts]
