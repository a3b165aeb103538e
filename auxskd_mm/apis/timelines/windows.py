"""The windows of a timeline: parts of the recording that follow each other at a stride."""

from __future__ import annotations

import numpy as np

from ...datasets.readers import Reader
from ...datasets.readers.window import duration_of
from ...datasets.recordings.expand import Windows
from ...datasets.recordings.names import Window, window_path
from ...datasets.recordings.reader import RecordedWindow, frames_within, usable_times
from ...errors import InputError

# Time stamps and multiples of a stride are rounded.
_ROUNDED = 1e-6


def plan_windows(reader: Reader, window: float, stride: float) -> tuple[list[Window], float]:
    """Windows that start at 0, stride, 2 * stride ... seconds and end inside the recording, and its duration.

    Args:
        reader: Reader of the recording.
        window: Length of a window in seconds.
        stride: Distance of two starts in seconds, at least the mean distance of two frames.

    Raises:
        InputError: If a length is not a number above 0, the recording has no times or is shorter than a window, or the
            stride is shorter than a frame.
    """
    plan = Windows(window, stride).check('timeline')
    times = usable_times(reader)
    if isinstance(times, str):
        raise InputError(f'{reader.path}: {times}')
    length = duration_of(times, reader.fps)
    windows = plan.divide(Window(0.0, length))
    if not windows:
        raise InputError(
            f'{reader.path}: has {length:.3f} s and is shorter than window={window:g}; give a shorter window'
        )
    if stride < length / len(times) - _ROUNDED:
        raise InputError(
            f'{reader.path}: stride={stride:g} is shorter than a frame ({length / len(times):.4f} s); windows would repeat'
        )
    return windows, length


def open_window(reader: Reader, window: Window) -> RecordedWindow:
    """Reader of a window of an open recording.

    In a gap of a variable rate, where a window has no time stamp, it has the one frame that is shown at its start.

    Args:
        reader: Reader of the recording. It stays open if the window is not closed.
        window: The window.
    """
    times = usable_times(reader)
    assert isinstance(times, np.ndarray)
    first, last = frames_within(times, window)
    name = window_path(reader.path, window)
    if first == last:
        shown = float(times[max(first - 1, 0)])
        window = Window(shown, shown + 2 * _ROUNDED)
    return RecordedWindow(reader, window, name)
