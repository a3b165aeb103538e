"""TIFF files whose pages are the frames of a video."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from ....errors import VideoReadError
from ..base import runs_of
from ..limits import MAX_PIXELS
from ..stack import StackReader
from ..tiff_header import read_pages


class TiffReader(StackReader):
    """A TIFF file of one page per frame: gray, RGB or RGBA, of 8 or 16 bits, 32-bit whole numbers or floats.

    OpenCV decodes the pages, with any compression of libtiff.

    Raises:
        VideoReadError: If the file is cut off, or its pages are of different or other kinds.
    """

    stored_order = 'bgr'  # of OpenCV

    def __init__(self, path: str, channel_order: str = 'rgb', max_pixels: int = MAX_PIXELS) -> None:
        super().__init__(path, channel_order, max_pixels)
        try:
            path.encode()
        except UnicodeEncodeError:
            raise VideoReadError(path, 'has a name that is not UTF-8, which OpenCV does not open; rename it') from None
        pages = read_pages(path)
        height, width, channels, dtype = pages[0]
        self._note((len(pages), height, width, channels), np.dtype(dtype))
        self._expected = dtype, (height, width, channels)

    def _frames(self, indices: Sequence[int]) -> Iterator[np.ndarray]:
        # OpenCV walks through the pages for each call.
        for run in runs_of(indices):
            good, pages = cv2.imreadmulti(self.path, run[0], len(run), flags=cv2.IMREAD_UNCHANGED)
            if not good or len(pages) != len(run):
                raise VideoReadError(self.path, f'frame {run[0]} of {self.num_frames} cannot be decoded')
            for i, page in zip(run, pages):
                shape = page.shape if page.ndim == 3 else (*page.shape, 1)
                if (page.dtype.name, shape) != self._expected:
                    raise VideoReadError(
                        self.path, f'page {i} is decoded as {page.dtype} {shape}, not as {self._expected}; convert it'
                    )
                yield page


READER = TiffReader
