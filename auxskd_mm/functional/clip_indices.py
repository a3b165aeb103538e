"""Frame numbers of clips.

Frame numbers are 0-based. Every function is pure: the caller makes the random draws.
"""

from __future__ import annotations

import numpy as np

from ..errors import InputError

__all__ = ['paced_offsets', 'pecop_indices', 'segment_pace_indices', 'segment_window', 'wrap_indices']

# Constants of PECoP's loader: frames at the end of a video that it leaves out, and how far it looks ahead for the end
# outside the paced segment, whatever the base step is.
PECOP_LEFT_OUT = 3
_PECOP_LOOKAHEAD = 4


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
    clip_len: int,
    num_segments: int | None,
    segment: int | None,
    speed: int,
    disjoint: bool = False,
    base_step: int = 1,
) -> np.ndarray:
    """Step at each position of the clip, int64 (clip_len,): ``speed`` in the paced window, ``base_step`` elsewhere."""
    for name, value in (('clip_len', clip_len), ('speed', speed), ('base_step', base_step)):
        if value < 1:
            raise InputError(f'{name}={value} must be at least 1')
    first, last = segment_window(clip_len, num_segments, segment, disjoint)
    steps: np.ndarray = np.full(clip_len, base_step, dtype=np.int64)
    steps[first : last + 1] = speed
    return steps


def _walk(num_frames: int, start: int, steps: np.ndarray, lookahead: np.ndarray, last: int) -> np.ndarray:
    """Frames of a clip that restarts at the video's first frame near the end.

    Args:
        num_frames: Frames in the video, at least 1.
        start: First frame, in [0, num_frames).
        steps: Step into each position of the clip, int64 (clip_len,). The first one has no effect.
        lookahead: Frames that the test for the end looks ahead at each position, int64 (clip_len,).
        last: The clip restarts if this test goes beyond this frame.

    Returns:
        int64 (clip_len,), each in [0, num_frames).

    Raises:
        InputError: If there are no frames, or the start lies outside.
    """
    if num_frames < 1:
        raise InputError(f'num_frames={num_frames}: a clip cannot be drawn from a video without frames')
    if not 0 <= start < num_frames:
        raise InputError(f'start={start} is not in [0, num_frames={num_frames})')
    frame, indices = start, [start]
    for ahead, step in zip(lookahead.tolist(), steps.tolist()[1:]):
        fits = frame + ahead <= last and frame + step < num_frames
        frame = frame + step if fits else 0
        indices.append(frame)
    return np.asarray(indices, dtype=np.int64)


def paced_offsets(
    clip_len: int,
    num_segments: int | None,
    segment: int | None,
    speed: int,
    *,
    disjoint: bool = False,
    base_step: int = 1,
) -> np.ndarray:
    """Frame offsets of a paced clip from its first frame, for a video that never ends.

    The step into position i has the speed of position i. The clip fits in a video of ``offsets[-1] + 1`` frames. For
    the arguments see :func:`segment_pace_indices`.

    Returns:
        int64 (clip_len,), from 0.
    """
    steps = _steps(clip_len, num_segments, segment, speed, disjoint, base_step)
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
    base_step: int = 1,
) -> np.ndarray:
    """Frames of a clip of which one segment plays at another speed.

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
        speed: Frame step c inside the segment, at least 1.
        start: First frame, in [0, num_frames).
        lookahead: Steps that the test for the end of the video looks ahead: 1 in VSPP and VideoPace, 3 in auxSKD.
        disjoint: See :func:`segment_window`.
        base_step: Frame step c outside the segment, at least 1. The original loaders have 1.

    Returns:
        int64 (clip_len,), each in [0, num_frames).

    Raises:
        InputError: If an argument is out of its range.
    """
    steps = _steps(clip_len, num_segments, segment, speed, disjoint, base_step)
    return _walk(num_frames, start, steps, lookahead * steps, num_frames - 1)


def pecop_indices(
    num_frames: int, clip_len: int, num_segments: int, segment: int, speed: int, base_step: int, start: int
) -> np.ndarray:
    """Frames of a clip of PECoP: one segment has the step ``speed``, the others have ``base_step``.

    The loader leaves out the last three frames of a video, so L = num_frames - 4 is the last frame that counts. With
    frame f(i) at position i of the clip::

        f(0)   = start
        f(i+1) = 0                 if f(i) + ahead(i) > L, ahead(i) = speed inside the segment, 4 outside
                 f(i) + speed      else if i + 1 is inside the segment
                 f(i) + 1          else if i is inside: the first step after the segment is 1, not base_step
                 f(i) + base_step  otherwise

    The look-ahead of 4 is a constant. A step into the segment may therefore pass L by some frames. It never leaves the
    video: where it would, the clip restarts too.

    Args:
        num_frames: Frames in the video, at least 1. The three frames that are left out are included.
        clip_len: Frames in the clip.
        num_segments: Number of segments of the clip. See :func:`segment_window` for their ends.
        segment: Paced segment in [0, num_segments).
        speed: Frame step inside the segment, at least 1. PECoP never draws ``base_step``.
        base_step: Frame step outside the segment, at least 1. PECoP has 3 for gait and 1 for other tasks.
        start: First frame, in [0, num_frames). PECoP draws it from [0, num_frames - 3 - clip_len).

    Returns:
        int64 (clip_len,), each in [0, num_frames).

    Raises:
        InputError: If an argument is out of its range.

    Source: ``datasets/ucf101.py`` of Plrbear/PECoP @ af79e55.
    """
    steps = _steps(clip_len, num_segments, segment, speed, base_step=base_step)
    lookahead = _steps(clip_len, num_segments, segment, speed, base_step=_PECOP_LOOKAHEAD)
    _, last = segment_window(clip_len, num_segments, segment)
    steps[last + 1 : last + 2] = 1
    return _walk(num_frames, start, steps, lookahead, num_frames - PECOP_LEFT_OUT - 1)


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
