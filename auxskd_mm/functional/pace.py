"""Frame numbers of clips with a constant pace. A pace below 1 is slow motion.

Frame numbers are 0-based. A pace of 2 plays the video at twice its speed, a pace of 0.5 at half its speed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from ..errors import InputError

__all__ = ['neighbour_frames', 'pace_indices', 'pace_names', 'pace_positions', 'pace_span']

# Far finer than a frame, and coarse enough for 11 * (15 / 11) to be the whole number that it stands for.
_DECIMALS = 9


def pace_positions(num_frames: int, clip_len: int, pace: float, start: int) -> np.ndarray:
    """Time of each frame of a clip, in frames of the video.

    The positions follow the recurrence of VideoPace's loader, for any pace above 0. At a wrap the clip continues at the
    video's first frame::

        f(0)   = start
        f(i+1) = 0             if f(i) + pace >= num_frames
                 f(i) + pace   otherwise

    For a whole pace the result equals that of :func:`segment_pace_indices` with ``segment=None``.

    Args:
        num_frames: Frames N in the video, at least 1.
        clip_len: Frames in the clip, at least 1.
        pace: Frames of the video per frame of the clip, above 0.
        start: First frame, in [0, N).

    Returns:
        float64 (clip_len,), each in [0, N). A position above N - 1 still shows the last frame.

    Raises:
        InputError: If an argument is out of its range.

    Source: loader of laura-wang/video-pace @ cc1e561. The published code has only whole paces.
    """
    if num_frames < 1:
        raise InputError(f'num_frames={num_frames}: a clip cannot be drawn from a video without frames')
    if clip_len < 1:
        raise InputError(f'clip_len={clip_len} must be at least 1')
    if not pace > 0:
        raise InputError(f'pace={pace} must be above 0')
    if not 0 <= start < num_frames:
        raise InputError(f'start={start} is not in [0, num_frames={num_frames})')
    steps = np.arange(clip_len)
    before_wrap = math.ceil(round((num_frames - start) / pace, _DECIMALS))
    lap = math.ceil(round(num_frames / pace, _DECIMALS))
    positions = np.where(steps < before_wrap, start + steps * pace, (steps - before_wrap) % lap * pace)
    return np.round(positions, _DECIMALS)


def pace_names(paces: Iterable[float]) -> tuple[str, ...]:
    """Class names of paces or speeds, such as '2x' or '0.5x'."""
    return tuple(f'{pace:g}x' for pace in paces)


def pace_span(clip_len: int, pace: float) -> int:
    """Number of frames, at least 1, that a video needs so that a clip does not wrap.

    The number includes a frame on either side of the last position.
    """
    return math.ceil(round((clip_len - 1) * pace, _DECIMALS)) + 1


def neighbour_frames(positions: np.ndarray, num_frames: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The two frames int64 (N,) around each position float (N,) in [0, num_frames), and the weight float64 (N,) in
    [0, 1) of the second one.

    The frame at position x is ``(1 - weight) * frame[low] + weight * frame[high]``. After the last frame there is no
    frame to blend with. There ``high`` equals ``low`` and the weight is 0.
    """
    low = np.minimum(np.floor(positions), num_frames - 1).astype(np.int64)
    high = np.minimum(low + 1, num_frames - 1)
    weight = np.where(high > low, positions - low, 0.0)
    return low, np.where(weight > 0, high, low), weight


def pace_indices(num_frames: int, clip_len: int, pace: float, start: int) -> np.ndarray:
    """Frames of a clip with a constant pace. Slow motion repeats frames.

    Arguments and errors are those of :func:`pace_positions`.

    Returns:
        int64 (clip_len,), each in [0, num_frames).
    """
    return neighbour_frames(pace_positions(num_frames, clip_len, pace, start), num_frames)[0]
