"""Which frames a clip takes.

Frame numbers are 0-based throughout. Every function is pure: the random draws are the caller's.
"""

from __future__ import annotations

import numpy as np

from ..errors import InputError

__all__ = ['paced_offsets', 'segment_pace_indices', 'segment_window', 'wrap_indices']


def segment_window(
    clip_len: int, num_segments: int | None, segment: int | None, disjoint: bool = False
) -> tuple[int, int]:
    """First and last clip position that is paced, both included.

    The end belongs to the window as in the original loaders, so neighbouring segments share one position and the last
    segment is one position shorter (its end falls outside the clip).

    Args:
        clip_len: Frames in the clip.
        num_segments: Segments the clip is divided into; None with ``segment=None``.
        segment: Index of the paced segment in [0, num_segments), or None when the whole clip is paced.
        disjoint: Leave the end out, so that no position is shared.

    Returns:
        (first, last) with ``last <= clip_len``.

    Raises:
        InputError: If the segment does not exist, or there are more segments than frames.
    """
    if segment is None:
        return 0, clip_len
    if num_segments is None or not 0 <= segment < num_segments:
        raise InputError(f'segment={segment} is not in [0, num_segments={num_segments})')
    if num_segments > clip_len:
        raise InputError(f'num_segments={num_segments} must not exceed clip_len={clip_len}')
    return segment * clip_len // num_segments, (segment + 1) * clip_len // num_segments - disjoint


def _steps(
    clip_len: int, num_segments: int | None, segment: int | None, speed: int, disjoint: bool = False
) -> np.ndarray:
    """Speed at every clip position, int64 (clip_len,): ``speed`` inside the paced window, 1 elsewhere."""
    if clip_len < 1:
        raise InputError(f'clip_len={clip_len} must be at least 1')
    if speed < 1:
        raise InputError(f'speed={speed} must be at least 1')
    first, last = segment_window(clip_len, num_segments, segment, disjoint)
    steps: np.ndarray = np.ones(clip_len, dtype=np.int64)
    steps[first : last + 1] = speed
    return steps


def paced_offsets(
    clip_len: int, num_segments: int | None, segment: int | None, speed: int, *, disjoint: bool = False
) -> np.ndarray:
    """Frame offsets of a paced clip from its first frame, int64 (clip_len,), for a video that never ends.

    The step into position i has the speed of position i, so ``offsets[-1] + 1`` frames are needed for the clip to fit.
    ``disjoint``: see :func:`segment_window`.
    """
    steps = _steps(clip_len, num_segments, segment, speed, disjoint)
    steps[0] = 0
    return np.cumsum(steps)


def segment_pace_indices(
    num_frames: int,
    clip_len: int,
    num_segments: int | None,
    segment: int | None,
    speed: int,
    start: int,
    *,
    lookahead: int = 1,
    disjoint: bool = False,
) -> np.ndarray:
    """Frames of a clip of which one segment is played ``speed`` times faster.

    The state machine behind the loaders of VSPP and auxSKD (repo Plrbear/auxSKD) and of VideoPace (repo
    laura-wang/video-pace), with frame f(i) and speed c(i) at clip position i::

        f(0)   = start
        f(i+1) = 0               if f(i) + lookahead * c(i) >= num_frames
                 f(i) + c(i+1)   otherwise

    A wrap thus restarts at the video's first frame, and looks at the speed of the position it leaves. Where that lets a
    step jump past the end (fine segments: the original then asks for a frame that does not exist), the clip wraps as
    well.

    Args:
        num_frames: Frames in the video, at least 1.
        clip_len: Frames in the clip.
        num_segments: Segments the clip is divided into.
        segment: Paced segment in [0, num_segments); None paces the whole clip (VideoPace).
        speed: Frame step inside the segment, at least 1.
        start: First frame, in [0, num_frames).
        lookahead: How many steps ahead the end of the video is looked for: 1 in VSPP and VideoPace, 3 in auxSKD.
        disjoint: See :func:`segment_window`.

    Returns:
        int64 array (clip_len,) with every index in [0, num_frames).

    Raises:
        InputError: If an argument is out of its range.
    """
    if num_frames < 1:
        raise InputError(f'num_frames={num_frames}: a clip cannot be drawn from a video without frames')
    if not 0 <= start < num_frames:
        raise InputError(f'start={start} is not in [0, num_frames={num_frames})')
    steps = _steps(clip_len, num_segments, segment, speed, disjoint).tolist()
    frame, indices = start, [start]
    for here, there in zip(steps, steps[1:]):
        step_fits = frame + lookahead * here < num_frames and frame + there < num_frames
        frame = frame + there if step_fits else 0
        indices.append(frame)
    return np.asarray(indices, dtype=np.int64)


def wrap_indices(offsets: np.ndarray, start: int, num_frames: int) -> np.ndarray:
    """Frames at ``start + offsets``, going round in a video too short for them: int64, same shape, in [0, num_frames).

    Raises:
        InputError: If ``num_frames`` is below 1.
    """
    if num_frames < 1:
        raise InputError(f'num_frames={num_frames}: a clip cannot be drawn from a video without frames')
    return (np.asarray(offsets, dtype=np.int64) + start) % num_frames
