"""Reading frames by number from a folder of images."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np

from ...errors import VideoReadError
from ...functional.pixels import PixelKind, check_finite, exact, ordered
from .base import Reader
from .frame_names import FrameNames, find_frames
from .images import REDUCED, decode_image, jpeg_size, read_file
from .limits import MAX_PIXELS

# 320x240 at half size is 160x120, a fifteenth short of the 171x128 that the papers resize to.
_LEAST_SHARE = 0.93


class FrameFolderReader(Reader):
    """A folder of images, one for each frame, in the order of the numbers in their names.

    :mod:`.frame_names` says which images are frames. JPG, WebP, BMP and 8-bit PNG give uint8 frames of three channels.
    16-bit PNG and TIFF keep their type and their channels.

    Args:
        path: The folder.
        channel_order: See :class:`Reader`.
        target: (width, height) that the frames will be resized to. JPGs much larger than it are then decoded at a half,
            a quarter or an eighth of their size. Each pixel is the mean of the original pixels that it replaces, and
            decoding costs less. The reader takes the largest reduction that leaves at least 0.93 of the target. None
            decodes in full.
        max_pixels: See :class:`Reader`. It limits the stored image.

    Attributes:
        note: A remark on an unusual folder, such as missing numbers, else ''.

    Raises:
        VideoReadError: If the folder is not a frame folder.
    """

    def __init__(
        self,
        path: str,
        channel_order: str = 'rgb',
        target: tuple[int, int] | None = None,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        super().__init__(path, channel_order, max_pixels)
        self.target = target
        self._names, _, self.note = _listing(path)
        self.num_frames = len(self._names)
        self._reduced = 0
        self._first: tuple[str, tuple[int, int]] | None = None
        self._kind: PixelKind | None = None

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """See :class:`Reader`.

        Raises:
            VideoReadError: If an image is cut off or has another size than the others.
        """
        return [self._read_frame(self._names[i]) for i in indices]

    def _read_frame(self, name: str) -> np.ndarray:
        path = os.path.join(self.path, name)
        data = read_file(path, self.max_pixels)
        if not self._reduced:  # one factor for all frames, so that their sizes stay the same
            self._reduced = 1 if self.target is None else reduction(jpeg_size(data), self.target)
        image = decode_image(path, data, self._reduced, self.max_pixels)
        size = image.shape[1::-1]
        stored = jpeg_size(data) if self._reduced > 1 else None
        if stored is not None:  # sizes that differ by a pixel may be reduced to one; a camera's tag turns by a quarter
            size = stored if (stored[0] < stored[1]) == (size[0] < size[1]) else stored[::-1]
        self._first = self._first or (name, size)
        if size != self._first[1]:
            first, expected = self._first
            raise VideoReadError(
                self.path,
                f'holds frames of different sizes: {name} has {size[0]}x{size[1]}, '
                f'{first} has {expected[0]}x{expected[1]}',
            )
        plain = image.dtype == np.uint8 and image.shape[2] == 3
        if not plain:
            try:
                image = exact(image)
                check_finite(image)
            except ValueError as error:
                raise VideoReadError(path, str(error)) from None
        kind = PixelKind.of(image)
        self._kind = self._kind or kind
        if kind != self._kind:
            raise VideoReadError(self.path, f'holds frames of different kinds: {name} has {kind}, others {self._kind}')
        if plain and self.channel_order == 'rgb':
            return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)  # several times as fast
        return ordered(image, 'bgr', self.channel_order)


def reduction(size: tuple[int, int] | None, target: tuple[int, int]) -> int:
    """Factor in {1, 2, 4, 8} by which images of a size (width, height) may be reduced. 1 if the size is unknown."""
    if size is None:
        return 1
    fitting = [f for f in REDUCED if all(-(-side // f) >= _LEAST_SHARE * least for side, least in zip(size, target))]
    return max(fitting, default=1)


def _listing(folder: str) -> FrameNames:
    """Frames of a folder, cached until the modification time of the folder changes."""
    return _listing_at(folder, os.stat(folder).st_mtime_ns)


# Sorting 300 names costs as much as decoding a few frames.
@lru_cache(maxsize=1024)
def _listing_at(folder: str, changed: int) -> FrameNames:
    return find_frames(folder)
