"""Order and number of the channels of frames (H, W, C)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

# Channels that every method of OpenCV takes.
_MOST = 4


def ordered(frame: np.ndarray, now: str, wanted: str) -> np.ndarray:
    """A frame (H, W, C) with its colours in the wanted order, 'rgb' or 'bgr'. Only 3 channels, and 4 with alpha, have
    an order.
    """
    if now == wanted or frame.shape[2] not in (3, 4):
        return frame
    return np.ascontiguousarray(frame[..., [2, 1, 0, 3][: frame.shape[2]]])


def to_channels(frame: np.ndarray, channels: int, channel_order: str = 'rgb') -> np.ndarray:
    """A frame (H, W, C) with another number of channels, of the same type: gray as three equal channels, or the luma of
    colours as one.

    The luma of three equal channels is their value, for integers exactly.

    Raises:
        ValueError: If the frame has neither this number nor 1 or 3 channels of which the others follow.
    """
    have = frame.shape[2]
    if have == channels:
        return frame
    if have == 1:
        return np.repeat(frame, channels, axis=2)
    if (have, channels) != (3, 1):
        raise ValueError(
            f'has {have} channels, and OpenVideo.channels={channels}; set channels={have}, or leave it out'
        )
    import cv2  # late: the command lines of the tools need this room's names alone

    code = cv2.COLOR_RGB2GRAY if channel_order == 'rgb' else cv2.COLOR_BGR2GRAY
    if frame.dtype in (np.uint8, np.uint16):
        return cv2.cvtColor(frame, code)[..., None]
    # OpenCV converts no other type than these exactly. ITU-R BT.601, as in OpenCV.
    weights = np.array((0.299, 0.587, 0.114) if channel_order == 'rgb' else (0.114, 0.587, 0.299))
    luma = frame.astype(np.float64) @ weights
    return (luma.round() if frame.dtype.kind in 'iu' else luma).astype(frame.dtype)[..., None]


def any_channels(resize: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap OpenCV's resize, or mmcv's, for frames of any number of channels.

    OpenCV drops the last dimension of a frame (H, W, 1), and some of its methods take at most 4 channels.
    """

    @wraps(resize)
    def call(frame: np.ndarray, *args: Any, **kwargs: Any) -> Any:
        channels = frame.shape[2] if frame.ndim == 3 else 0
        if channels in (0, 3):
            return resize(frame, *args, **kwargs)
        parts = [
            resize(np.ascontiguousarray(frame[..., i : i + _MOST]), *args, **kwargs) for i in range(0, channels, _MOST)
        ]
        scales = parts[0][1:] if isinstance(parts[0], tuple) else None  # mmcv gives them if asked
        images = [part if scales is None else part[0] for part in parts]
        whole = np.concatenate([image.reshape(*image.shape[:2], -1) for image in images], axis=2)
        return whole if scales is None else (whole, *scales)

    return call
