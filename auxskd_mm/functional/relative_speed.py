"""Temporal crops of RSPNet. Frame numbers are 0-based.

Source: PeihaoChen/RSPNet @ 2958779, ``transforms_temporal.py`` and ``functional_temporal.py``.
"""

from __future__ import annotations

import math

import numpy as np

from ..errors import InputError

__all__ = ['frames_needed', 'resample_indices', 'short_video_crop', 'strided_crop']


def frames_needed(clip_len: int, stride: int) -> int:
    """Number of frames from the first to the last frame of a clip with this frame step, both included.

    Raises:
        InputError: If an argument is below 1.
    """
    if clip_len < 1 or stride < 1:
        raise InputError(f'clip_len={clip_len}, stride={stride}: both must be at least 1')
    return (clip_len - 1) * stride + 1


def short_video_crop(num_frames: int, clip_len: int, stride: int) -> np.ndarray | None:
    """Frames of the only possible clip of a video that is too short for a choice.

    If the video has at most ``clip_len`` frames, the clip repeats the video from its first frame. If it has more
    frames, but fewer than the strided clip needs, the frames are spread evenly over the video. Their positions are
    rounded half to even, as NumPy does.

    Args:
        num_frames: Frames in the video, at least 1.
        clip_len: Frames in the clip.
        stride: Frame step.

    Returns:
        int64 (clip_len,), or None if the strided clip fits and the video has more than ``clip_len`` frames.

    Raises:
        InputError: If an argument is below 1.
    """
    needed = frames_needed(clip_len, stride)
    if num_frames < 1:
        raise InputError(f'num_frames={num_frames}: a clip cannot be drawn from a video without frames')
    if num_frames <= clip_len:
        return np.arange(clip_len) % num_frames
    if num_frames < needed:
        return np.linspace(0, num_frames - 1, num=clip_len).round().astype(np.int64)
    return None


def strided_crop(num_frames: int, clip_len: int, stride: int, start: int) -> np.ndarray:
    """Frames of a strided clip. ``start`` has an effect only if the video is long enough for a choice.

    Args:
        num_frames: Frames N in the video, at least 1.
        clip_len: Frames in the clip.
        stride: Frame step.
        start: First frame, in [0, max(N - frames_needed, 0)].

    Returns:
        int64 (clip_len,), each in [0, N).

    Raises:
        InputError: If an argument is out of its range.
    """
    short = short_video_crop(num_frames, clip_len, stride)
    last = max(num_frames - frames_needed(clip_len, stride), 0)
    if not 0 <= start <= last:
        raise InputError(f'start={start} is not in [0, {last}], where a clip of the {num_frames} frames fits')
    return start + np.arange(clip_len) * stride if short is None else short


def resample_indices(num_frames: int, source_fps: float, target_fps: float) -> np.ndarray:
    """Frames that show the video at another frame rate: frame i is ``floor(i * source_fps / target_fps)``.

    If the ratio of the rates is a whole number, the last partial step is kept. Otherwise it is dropped. The original
    and torchvision do the same.

    Args:
        num_frames: Frames in the video.
        source_fps: Frame rate of the video.
        target_fps: Frame rate of the result.

    Returns:
        int64 (M,), non-decreasing, each in [0, num_frames). It is empty if the video is shorter than one step.

    Raises:
        InputError: If a frame rate is not above 0.
    """
    if not (source_fps > 0 and target_fps > 0):
        raise InputError(f'source_fps={source_fps}, target_fps={target_fps}: both must be above 0')
    step = source_fps / target_fps
    if step.is_integer():
        return np.arange(0, num_frames, int(step))
    return np.floor(np.arange(math.floor(num_frames / step)) * step).astype(np.int64)
