"""Reading frames by number from a folder of images."""

from __future__ import annotations

import os
import re
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from ...errors import VideoReadError
from .base import IMAGE_SUFFIXES, Reader

# Listings that a process remembers: sorting 300 names costs as much as decoding a few frames.
_MOST_LISTINGS = 1024
_LISTINGS: OrderedDict[str, tuple[int, list[str]]] = OrderedDict()
_REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
# 320x240 at half size is 160x120, a fifteenth short of the 171x128 that the papers resize to.
_LEAST_SHARE = 0.93


class FrameFolderReader(Reader):
    """A folder of images, one a frame, in the order of the numbers in their names.

    Args:
        path: The folder.
        channel_order: See :class:`Reader`.
        target: (width, height) that the frames will be resized to. JPGs much larger than it are then decoded at a half,
            a quarter or an eighth of their size, each pixel the mean of those it stands for, which costs less than
            decoding all of them: the largest reduction that leaves at least 0.93 of the target. None decodes in full.
    """

    def __init__(self, path: str, channel_order: str = 'rgb', target: tuple[int, int] | None = None) -> None:
        super().__init__(path, channel_order)
        self.target = target
        self._names = _listing(path)
        if not self._names:
            raise VideoReadError(path, f'holds no frames (expected images: {", ".join(IMAGE_SUFFIXES)})')
        self.num_frames = len(self._names)

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """See :class:`Reader`."""
        frames: list[np.ndarray] = []
        mode = cv2.IMREAD_COLOR
        for i in indices:
            name = os.path.join(self.path, self._names[i])
            if not frames and self.target is not None:
                mode = _REDUCED[reduction(jpeg_size(name), self.target)]
            image = cv2.imread(name, mode)
            if image is None:
                raise VideoReadError(name, 'cannot be read as an image')
            frames.append(image if self.channel_order == 'bgr' else cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        return frames


def reduction(size: tuple[int, int] | None, target: tuple[int, int]) -> int:
    """Factor in {1, 2, 4, 8} by which images of a size (width, height) may be decoded smaller; 1 if it is unknown."""
    if size is None:
        return 1
    fitting = [f for f in _REDUCED if all(-(-side // f) >= _LEAST_SHARE * least for side, least in zip(size, target))]
    return max(fitting, default=1)


def jpeg_size(path: str) -> tuple[int, int] | None:
    """(width, height) out of a JPG's header; None for any other file."""
    try:
        with open(path, 'rb') as file:
            head = file.read(65536)
    except OSError:
        return None
    at = 2
    while head[:2] == b'\xff\xd8' and at + 9 <= len(head) and head[at] == 0xFF:
        marker, length = head[at + 1], int.from_bytes(head[at + 2 : at + 4], 'big')
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(head[at + 7 : at + 9], 'big'), int.from_bytes(head[at + 5 : at + 7], 'big')
        at += 2 + length
    return None


def natural_key(name: str) -> list[Any]:
    """Sort key that puts ``frame10`` after ``frame9``."""
    return [int(part) if part.isdigit() else part for part in re.split(r'(\d+)', name)]


def _listing(folder: str) -> list[str]:
    """Names of the images of a folder, sorted; remembered as long as the folder's time stays."""
    changed = os.stat(folder).st_mtime_ns
    known = _LISTINGS.get(folder)
    if known is not None and known[0] == changed:
        _LISTINGS.move_to_end(folder)
        return known[1]
    names = [entry.name for entry in os.scandir(folder) if entry.name.lower().endswith(IMAGE_SUFFIXES)]
    names.sort(key=natural_key)
    _LISTINGS[folder] = changed, names
    if len(_LISTINGS) > _MOST_LISTINGS:
        _LISTINGS.popitem(last=False)
    return names
