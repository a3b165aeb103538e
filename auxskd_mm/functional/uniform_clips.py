"""Frame numbers of clips spread evenly over a video, for tests and retrieval. Frame numbers are 0-based."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from .relative_speed import frames_needed, short_video_crop

__all__ = ['centred_clips', 'even_crops', 'evenly_spread']


def evenly_spread(count: int, most: int) -> list[int]:
    """At most ``most`` of the numbers 0 to ``count - 1``, ascending, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(most, count)).astype(int)).tolist()


def centred_clips(num_frames: int, clip_len: int, num_clips: int = 10) -> np.ndarray:
    """VCOP's test clips: consecutive frames around evenly spaced centres.

    The centres are ``linspace(clip_len / 2, num_frames - clip_len / 2, num_clips)``. Each clip starts at the whole part
    of ``centre - clip_len / 2``. A single clip starts at the first frame of the video.

    Args:
        num_frames: Frames in the video, at least ``clip_len``.
        clip_len: Frames per clip.
        num_clips: Number of clips.

    Returns:
        int64 (num_clips, clip_len).

    Raises:
        InputError: If the video is shorter than a clip, or an argument is below 1.

    Source: xudejing/video-clip-order-prediction @ 7a1710d, ``UCF101Dataset`` (test) and ``UCF101ClipRetrievalDataset``.
    """
    if clip_len < 1 or num_clips < 1:
        raise InputError(f'clip_len={clip_len}, num_clips={num_clips}: both must be at least 1')
    if num_frames < clip_len:
        raise InputError(f'num_frames={num_frames}: expected at least one clip of clip_len={clip_len}')
    half = clip_len / 2
    starts = (np.linspace(half, num_frames - half, num_clips) - half).astype(np.int64)
    return starts[:, None] + np.arange(clip_len)


def even_crops(num_frames: int, clip_len: int, num_clips: int = 10, stride: int = 1) -> np.ndarray:
    """RSPNet's test clips: their starts are spread evenly from the first to the last possible start.

    The starts are rounded half to even. A single clip lies in the middle. If the video is too short for a choice, every
    clip is that of :func:`short_video_crop`.

    Args:
        num_frames: Frames in the video, at least 1.
        clip_len: Frames per clip.
        num_clips: Number of clips.
        stride: Frame step.

    Returns:
        int64 (num_clips, clip_len), each in [0, num_frames).

    Raises:
        InputError: If an argument is below 1.

    Source: PeihaoChen/RSPNet @ 2958779, ``EvenNCrop``.
    """
    if num_clips < 1:
        raise InputError(f'num_clips={num_clips} must be at least 1')
    short = short_video_crop(num_frames, clip_len, stride)
    if short is not None:
        return np.tile(short, (num_clips, 1))
    last = num_frames - frames_needed(clip_len, stride)
    if num_clips == 1:
        starts = np.asarray([last // 2])
    else:
        starts = np.linspace(0, last, num=num_clips).round().astype(np.int64)
    return starts[:, None] + np.arange(clip_len) * stride
