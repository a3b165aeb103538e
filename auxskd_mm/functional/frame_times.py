"""Frames at a constant rate from a video with its own time stamps. Frame numbers are 0-based.

A sampler with ``fps`` counts *steps* of 1/fps seconds from the first frame of the video. It draws its clips in steps,
with the same formulas as in frames. :func:`frames_at_steps` then names the frame of the file for each step. A clip
therefore shows the same moments of a scene whatever the frame rate of the file.

Rule: a step shows the frame with the nearest time stamp, and of two equally near frames the earlier one. The error is at
most half the distance of two frames of the file. Only if ``fps`` is above the rate of the file can the last steps lie
after the last frame, which then stays.
"""

from __future__ import annotations

import math

import numpy as np

__all__ = ['are_even', 'even_times', 'frames_at_steps', 'steps_of_video', 'without_jumps']

# Matroska and FLV round time stamps to milliseconds, the first one too.
_ROUNDED = 1.001e-3
# As -dts_delta_threshold of the ffmpeg program, in seconds.
_JUMP = 10.0
# Share of a step that the end of a video may lack. It forgives rounded time stamps.
_FORGIVEN = 0.05
# Far below the resolution of time stamps, and above the rounding of their sums.
_EQUAL = 1e-6


def even_times(times: np.ndarray, fps: float | None) -> np.ndarray:
    """Undo the rounding of time stamps of a constant frame rate.

    Args:
        times: Seconds after the first frame, ascending, float64 (N,).
        fps: Average frames per second. None returns ``times``.

    Returns:
        float64 (N,): ``i / fps`` if no time differs from it by more than a millisecond, else ``times``.
    """
    even = np.arange(len(times)) / fps if fps else times
    return even if np.abs(times - even).max(initial=0.0) <= _ROUNDED else times


def are_even(times: np.ndarray) -> bool:
    """Whether frames at times float64 (N,) are evenly spaced, but for their rounding (see :func:`even_times`)."""
    return bool(np.abs(times - np.linspace(0, times[-1], len(times))).max() <= _ROUNDED)


def without_jumps(times: np.ndarray) -> np.ndarray:
    """Close the gaps of joined recordings, whose clocks differ.

    Args:
        times: Seconds after the first frame, ascending, float64 (N,).

    Returns:
        float64 (N,). Each distance above 10 s is replaced by the median of the others.
    """
    distances = np.diff(times)
    jumps = distances > _JUMP
    if not jumps.any():
        return times
    distances[jumps] = np.median(distances[~jumps]) if (~jumps).any() else 0.0
    return np.concatenate([[0.0], np.cumsum(distances)])


def steps_of_video(times: np.ndarray, fps: float, source_fps: float | None = None) -> int:
    """Number of steps of 1/fps seconds in a video: its duration times ``fps``, rounded down.

    The last frame is shown as long as the median frame.

    Args:
        times: Presentation time of each frame in seconds after the first one, ascending, float64 (N,), N at least 1.
        fps: Steps per second.
        source_fps: Frame rate of the video. It gives the duration of a video with a single frame.
    """
    last = float(np.median(np.diff(times))) if len(times) > 1 else 1 / source_fps if source_fps else 0.0
    return math.floor((float(times[-1]) + last) * fps + _FORGIVEN)


def frames_at_steps(times: np.ndarray, fps: float, steps: np.ndarray) -> np.ndarray:
    """Frame that each step shows: the one with the nearest time stamp.

    Args:
        times: See :func:`steps_of_video`.
        fps: Steps per second.
        steps: Integers of any shape S, from 0.

    Returns:
        int64 S, each in [0, N). Steps after the last frame show the last frame.

    Example:
        >>> import numpy as np
        >>> times = np.arange(10) / 30  # 30 frames per second
        >>> frames_at_steps(times, 12, np.arange(4)).tolist()  # at 0, 0.083, 0.167 and 0.25 s
        [0, 2, 5, 7]
    """
    moments = np.asarray(steps) / fps
    later = np.clip(np.searchsorted(times, moments), 0, len(times) - 1)
    earlier = np.maximum(later - 1, 0)
    take_later = times[later] - moments < moments - times[earlier] - _EQUAL
    return np.where(take_later | (later == earlier), later, earlier).astype(np.int64)
