"""Where something moves in a video: a box around the motion, from differences of frames."""

from __future__ import annotations

import hashlib
import json
import os
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ..files import write_whole
from .readers import Reader
from .stores.store import state_of

# Pairs of frames that are compared, and their distance in seconds.
_PAIRS, _APART = 12, 0.2
# Longest side in pixels that differences are computed at.
_SIDE = 160
# Grey levels that noise of a codec stays below, and how far motion stands out of a shaking background.
_FLOOR, _DEVIATIONS = 12.0, 6.0
# Share of the motion at each side that a box may leave out, and the margin around it as a share of the frame.
_LEFT_OUT, _MARGIN = 0.005, 0.04
# Raised with every change that gives other boxes, so that cached ones are not used again.
_VERSION = 1
_MOST_KEPT = 100_000


class Box(NamedTuple):
    """Sides of a box as shares of the width and height of a frame, each in [0, 1]."""

    left: float
    top: float
    right: float
    bottom: float

    def pixels(self, height: int, width: int) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) in pixels of a frame. At least one pixel is inside."""
        left, top = min(int(self.left * width), width - 1), min(int(self.top * height), height - 1)
        right, bottom = int(np.ceil(self.right * width - 1e-6)), int(np.ceil(self.bottom * height - 1e-6))
        return left, top, min(max(right, left + 1), width), min(max(bottom, top + 1), height)


def motion_map(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """How much moves where: the sum of the differences that stand out.

    Args:
        pairs: Pairs of frames uint8 (H, W, 3) or (H, W), all of one size.

    Returns:
        float32 (h, w), of the frames' aspect and at most 160 pixels long. It is 0 where nothing moves.
    """
    total: np.ndarray | None = None
    for one, other in pairs:
        difference = np.abs(_small(one) - _small(other))
        difference = difference if difference.ndim == 2 else difference.max(2)
        middle = float(np.median(difference))
        deviation = float(np.median(np.abs(difference - middle)))
        moved = np.maximum(difference - max(_FLOOR, middle + _DEVIATIONS * deviation), 0)
        total = moved if total is None else total + moved
    assert total is not None
    return total


def _small(frame: np.ndarray) -> np.ndarray:
    height, width = frame.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), dtype=np.float32)


def box_around(motion: np.ndarray, size: float) -> Box:
    """Box around the motion, of the frame's aspect.

    Args:
        motion: Map of :func:`motion_map`.
        size: Least side of the box as a share of the frame. The box is larger where the motion needs it.

    Returns:
        The box, inside the frame. Where nothing moves, it lies in the centre.
    """
    if not motion.any():
        return Box((1 - size) / 2, (1 - size) / 2, (1 + size) / 2, (1 + size) / 2)
    spans = [_span(motion.sum(axis)) for axis in (0, 1)]
    side = min(1.0, max(size, *(high - low for low, high in spans)))
    (left, right), (top, bottom) = (_fit((low + high) / 2, side) for low, high in spans)
    return Box(left, top, right, bottom)


def _span(amount: np.ndarray) -> tuple[float, float]:
    """First and last place of the motion along one axis, with a margin, as shares."""
    share = np.cumsum(amount) / amount.sum()
    first = int(np.searchsorted(share, _LEFT_OUT, side='right'))
    last = int(np.searchsorted(share, 1 - _LEFT_OUT))
    return max(0.0, first / len(amount) - _MARGIN), min(1.0, (last + 1) / len(amount) + _MARGIN)


def _fit(centre: float, side: float) -> tuple[float, float]:
    low = min(max(centre - side / 2, 0.0), 1 - side)
    return low, low + side


def video_box(reader: Reader, size: float) -> Box:
    """Box (see :func:`box_around`) around the motion of a video, from pairs of frames that are spread over all of it.
    The reader stays open.

    Raises:
        VideoReadError: If a frame cannot be read.
    """
    apart = min(max(1, round((reader.fps or 25.0) * _APART)), reader.num_frames - 1)
    if apart < 1:
        return box_around(np.zeros((1, 1)), size)
    starts = np.linspace(0, reader.num_frames - 1 - apart, _PAIRS).round().astype(int).tolist()
    numbers = sorted({number for start in starts for number in (start, start + apart)})
    frames = dict(zip(numbers, reader.read(numbers)))
    return box_around(motion_map([(frames[start], frames[start + apart]) for start in dict.fromkeys(starts)]), size)


def clip_box(frames: Sequence[np.ndarray], size: float) -> Box:
    """Box around the motion of consecutive frames, for clips that come from no file."""
    pairs = list(zip(frames, frames[1:])) or [(frames[0], frames[0])]
    return box_around(motion_map(pairs), size)


class BoxCache:
    """Boxes by video, in memory and, with a folder, in files that later runs read.

    A box is found again if the path and the state of the video (:func:`state_of`) are the same.

    Args:
        folder: Folder of the files. None keeps the boxes in memory only.
    """

    def __init__(self, folder: str | None = None) -> None:
        self.folder = folder
        self._kept: OrderedDict[str, Box] = OrderedDict()

    def key(self, path: str, size: float) -> str:
        """Name of a box.

        Raises:
            InputError: If the store of the video cannot be used.
        """
        state = state_of(path)
        text = f'{_VERSION} {size!r} {os.path.realpath(path)} {state.size} {state.mtime}'
        return hashlib.blake2b(text.encode('utf-8', 'surrogateescape'), digest_size=12).hexdigest()

    def get(self, key: str) -> Box | None:
        """The box, None if it is unknown."""
        if key in self._kept:
            return self._kept[key]
        if self.folder is None:
            return None
        try:
            box = Box(*map(float, json.loads(Path(self.folder, f'{key}.json').read_text())))
        except (OSError, ValueError, TypeError):  # missing or damaged: it is computed again
            return None
        self._keep(key, box)
        return box

    def put(self, key: str, box: Box) -> None:
        """Keep a box."""
        self._keep(key, box)
        if self.folder is not None:
            write_whole(Path(self.folder, f'{key}.json'), json.dumps(list(box)))

    def _keep(self, key: str, box: Box) -> None:
        self._kept[key] = box
        if len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
