"""Base of the readers of stacks, whose frames keep their type and their channels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ...errors import VideoReadError
from ...functional.pixels import check_finite, exact, exact_type, ordered
from .base import Reader
from .limits import MAX_PIXELS, check_pixels


class StackReader(Reader):
    """A file with the frames of one video as arrays.

    A subclass opens the file in its constructor, calls :meth:`_note`, and gives frames by :meth:`_frames`. The frames that
    :meth:`read` returns hold the file's values unchanged. Their type is one of :data:`~auxskd_mm.functional.pixels.kinds.
    KEPT`; other types become the next of these that holds each of their values. NaN and infinite values are refused.

    Attributes:
        fps: Frames per second, None where the file states no rate.
    """

    # Order of the colours in the file.
    stored_order = 'rgb'

    def __init__(self, path: str, channel_order: str = 'rgb', max_pixels: int = MAX_PIXELS) -> None:
        super().__init__(path, channel_order, max_pixels)
        self._require()

    def _note(self, shape: tuple[int, int, int, int], dtype: np.dtype) -> None:
        """Write down shape (T, H, W, C) and type of the stack.

        Raises:
            VideoReadError: If the type is none of pixels, or the frames are larger than ``max_pixels``.
        """
        try:
            exact_type(dtype)
        except ValueError as error:
            raise VideoReadError(self.path, str(error)) from None
        check_pixels(self.path, (shape[2], shape[1]), self.max_pixels)
        self.num_frames, self.frame_shape = shape[0], shape[1:]

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """See :class:`Reader`."""
        frames = []
        for i, frame in zip(indices, self._frames(indices)):
            try:
                frame = exact(frame.reshape(self.frame_shape))
                check_finite(frame)
            except ValueError as error:
                raise VideoReadError(self.path, f'frame {i} {error}') from None
            frames.append(ordered(frame, self.stored_order, self.channel_order))
        return frames

    def _frames(self, indices: Sequence[int]) -> Iterator[np.ndarray]:
        """The frames as the file has them, with H * W * C values each."""
        raise NotImplementedError
