"""Frame numbers of clips.

Frame numbers are 0-based. Every function is pure: the caller makes the random draws.
"""

from __future__ import annotations

import numpy as np

from ..errors import InputError

__all__ = ['paced_offsets', 'segment_pace_indices', 'segment_window', 'wrap_indices']


def segment_window(
    clip_len: int, num_segments: int | None, segment: int | None, disjoint: bool = False
) -> tuple[int, int]:
    """First and last paced position of a clip, both included.

    The end belongs to the window, as in the original loaders. Neighbouring segments therefore share one position. The
    end of the last segment lies outside the clip, so this segment is one position shorter.

    Args:
        clip_len: Frames in the clip.
        num_segments: Number of segments of the clip. None goes with ``segment=None``.
        segment: Index of the paced segment in [0, num_segments). None paces the whole clip.
        disjoint: True leaves the end out, so that segments share no position.

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
    """Speed at each position of the clip, int64 (clip_len,): ``speed`` inside the paced window, 1 elsewhere."""
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
    """Frame offsets of a paced clip from its first frame, for a video that never ends.

    The step into position i has the speed of position i. The clip fits in a video of ``offsets[-1] + 1`` frames. For
    the arguments see :func:`segment_pace_indices`.

    Returns:
        int64 (clip_len,), from 0.
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
    """Frames of a clip of which one segment plays ``speed`` times faster.

    The loaders of VSPP and auxSKD (repo Plrbear/auxSKD) and of VideoPace (repo laura-wang/video-pace) follow this
    recurrence, with frame f(i) and speed c(i) at position i of the clip::

        f(0)   = start
        f(i+1) = 0               if f(i) + lookahead * c(i) >= num_frames
                 f(i) + c(i+1)   otherwise

    A wrap restarts at the video's first frame. The test for a wrap uses the speed of the position that the step leaves.
    With fine segments this test can let a step pass the end, and the original then asks for a frame that does not
    exist. Here the clip wraps in that case too.

    Args:
        num_frames: Frames in the video, at least 1.
        clip_len: Frames in the clip.
        num_segments: Number of segments of the clip.
        segment: Paced segment in [0, num_segments). None paces the whole clip (VideoPace).
        speed: Frame step inside the segment, at least 1.
        start: First frame, in [0, num_frames).
        lookahead: Steps that the test for the end of the video looks ahead: 1 in VSPP and VideoPace, 3 in auxSKD.
        disjoint: See :func:`segment_window`.

    Returns:
        int64 (clip_len,), each in [0, num_frames).

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
    """Frames at ``start + offsets``. After the last frame of the video they continue at its first frame.

    Args:
        offsets: Integers of any shape S, such as (clip_len,).
        start: First frame.
        num_frames: Frames in the video, at least 1.

    Returns:
        int64 S, each in [0, num_frames).

    Raises:
        InputError: If ``num_frames`` is below 1.
    """
    if num_frames < 1:
        raise InputError(f'num_frames={num_frames}: a clip cannot be drawn from a video without frames')
    return (np.asarray(offsets, dtype=np.int64) + start) % num_frames
