"""Colour jitter and greyscale frame by frame in OpenCV float32, for loaders and for batches on the CPU.

Frames are (H, W, C). The formulas are those of :mod:`photometric`, which are torchvision's for float tensors. Frames of
whole numbers are rounded once, after the last operation. Saturation, hue and greyscale need the three channels red, green
and blue. Brightness and contrast work on each channel of other frames.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..errors import InputError
from .jitter_params import BRIGHTNESS, CONTRAST, HUE, LUMA, JitterParams, check_channels
from .pixels.value_range import WHITE, ValueRange, refuse_unscaled

_GREY = np.tile(np.array(LUMA), (3, 1))
_IDENTITY = np.eye(3)


def jitter_frames(
    frames: Sequence[np.ndarray],
    params: JitterParams,
    value_range: ValueRange | None = None,
) -> list[np.ndarray]:
    """Jitter each frame with its own parameters.

    Args:
        frames: N arrays (H, W, C), uint8 or float in [0, 255], or of any type with ``value_range``. They do not change.
        params: Arrays of leading shape (N,).
        value_range: What black and white are, for frames of another type than uint8. Values beyond them become black and
            white where the jitter acts.

    Returns:
        N arrays (H, W, C) of the type of the frames, float32 for floats without ``value_range``. A frame outside
        ``params.apply`` is returned without a copy.

    Raises:
        InputError: If a frame is not (H, W, C), or holds whole numbers of another type than uint8 without a
            ``value_range``.
    """
    out = []
    for index, frame in enumerate(frames):
        if frame.dtype.kind in 'iu' and frame.dtype != np.uint8 and value_range is None:
            raise refuse_unscaled(frame.dtype, 'ClipColorJitter')
        if not params.apply[index]:
            out.append(frame)
            continue
        if value_range is not None:
            scaled = np.ascontiguousarray(value_range.to_scale(frame).clip(0, WHITE))
            jittered = value_range.from_scale(_jitter(scaled, params, index))
            out.append(_as_type(jittered, frame.dtype))
            continue
        jittered = _jitter(_writable(frame), params, index)
        # OpenCV drops the last dimension of one channel.
        out.append(cv2.convertScaleAbs(jittered).reshape(frame.shape) if frame.dtype == np.uint8 else jittered)
    return out


def _as_type(frame: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """A float frame in the type of the source. Whole numbers are rounded, and clipped to those of the type."""
    if dtype.kind == 'f':
        return frame.astype(dtype)
    limits = np.iinfo(dtype)
    return frame.round().clip(limits.min, limits.max).astype(dtype)


def grey_frames(frames: Sequence[np.ndarray], apply: np.ndarray) -> list[np.ndarray]:
    """Turn frames grey. A grey frame has its luma in all three channels.

    Args:
        frames: N arrays (H, W, 3), see :func:`jitter_frames`.
        apply: bool (N,), whether a frame turns grey.

    Returns:
        N arrays (H, W, 3) of the type of the frames, float32 for floats.
    """
    weights = _GREY.astype(np.float32)
    out = []
    for frame, wanted in zip(frames, apply):
        if wanted:
            check_channels(('greyscale',), frame.shape, 'grey_frames')
            grey = cv2.transform(_writable(frame), weights)
            whole = frame.dtype.kind in 'iu'
            frame = (
                cv2.convertScaleAbs(grey) if frame.dtype == np.uint8 else _as_type(grey, frame.dtype) if whole else grey
            )
        out.append(frame)
    return out


def jitter_array(clips: np.ndarray, params: JitterParams, channel_axis: int = -4) -> np.ndarray:
    """Jitter clips in a network's layout on the CPU. The result is not rounded.

    Args:
        clips: uint8 or float (..., C, T, H, W) (``channel_axis=-4``) or (..., T, C, H, W) (-3), values in [0, 255].
        params: Arrays of leading shape (..., T).
        channel_axis: -4 or -3.

    Returns:
        New float32 array of the same shape. Frames outside ``params.apply`` keep their values.
    """
    out: np.ndarray = clips.astype(np.float32)
    last = np.moveaxis(out, channel_axis, -1)
    for index in zip(*np.nonzero(params.apply)):
        frame = np.ascontiguousarray(last[index])
        last[index] = _jitter(frame, params, index)
    return out


def _writable(frame: np.ndarray) -> np.ndarray:
    """A float32 C-contiguous copy."""
    if frame.ndim != 3:
        raise InputError(
            f'frame of shape {frame.shape}: expected (height, width, 3), or other channels, for colour work'
        )
    return np.array(frame, dtype=np.float32, order='C')


def _jitter(frame: np.ndarray, params: JitterParams, index: int | tuple[int, ...]) -> np.ndarray:
    """Apply all operations to one float32 frame (H, W, C). The function may overwrite the frame."""
    if frame.shape[2] != 3:
        return _jitter_channels(frame, params, index)
    factors, hue = params.factors[index], float(params.hue[index])
    for operation in params.order[index]:
        if operation != HUE:
            frame = _blend(frame, operation, float(factors[operation]))
        elif hue != 0:
            frame = _shift_hue(frame, hue)
    return frame


def _jitter_channels(frame: np.ndarray, params: JitterParams, index: int | tuple[int, ...]) -> np.ndarray:
    """Brightness and contrast of a float32 frame without red, green and blue. The contrast is that of each channel."""
    for operation in params.order[index]:
        if operation not in (BRIGHTNESS, CONTRAST):
            continue
        factor = np.float32(params.factors[index][operation])
        mean = frame.mean((0, 1), dtype=np.float64).astype(np.float32) if operation == CONTRAST else np.float32(0)
        frame = np.clip(factor * frame + (1 - factor) * mean, 0, WHITE)
    return frame


def _shift_hue(frame: np.ndarray, hue: float) -> np.ndarray:
    hsv: np.ndarray = cv2.cvtColor(frame, cv2.COLOR_RGB2HSV)
    # Float HSV is in degrees and free of the value range. OpenCV wraps angles above 360, but not below 0.
    hsv[..., 0] += (hue % 1.0) * 360.0
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


def _blend(frame: np.ndarray, operation: int, factor: float) -> np.ndarray:
    """``factor * x + (1 - factor) * other``, clamped if the factor can lead out of the value range.

    One colour matrix for all three operations would be shorter, but a quarter slower.
    """
    if factor == 1:
        return frame
    if operation == BRIGHTNESS:
        frame = np.multiply(frame, np.float32(factor), out=frame)
    elif operation == CONTRAST:
        grey = float(np.dot(cv2.mean(frame)[:3], LUMA))
        frame = cv2.addWeighted(frame, factor, frame, 0.0, (1 - factor) * grey)
    else:
        frame = cv2.transform(frame, (factor * _IDENTITY + (1 - factor) * _GREY).astype(np.float32))
    if factor > 1:
        frame = cv2.threshold(frame, WHITE, 0, cv2.THRESH_TRUNC, dst=frame)[1]
        if operation != BRIGHTNESS:
            frame = cv2.threshold(frame, 0, 0, cv2.THRESH_TOZERO, dst=frame)[1]
    return frame
