"""A part of a recording that samplers and decoders read as a whole video."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import InputError
from .base import Reader


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
