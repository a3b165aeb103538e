"""Base of the readers with other libraries than PyAV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ...errors import InputError
from .base import Reader
from .limits import MAX_PIXELS
from .orientation import is_turned_at_most
from .pyav import PyAVReader


class LibraryReader(Reader):
    """Base of the readers with other libraries (:mod:`.by_backend`). They number the frames as PyAV does.

    The libraries guess the number of frames from the header, and find frames by number in some files only. So these
    readers use the index of :class:`PyAVReader`. If the library would give other frames of a file, PyAV reads it.

    Raises:
        InputError: If the library cannot be used here.
    """

    def __init__(self, path: str, channel_order: str = 'rgb', max_pixels: int = MAX_PIXELS) -> None:
        missing = self.missing()
        if missing:
            raise InputError(f"backend='{type(self).__module__.rpartition('.')[2]}': {missing}, or use 'pyav'")
        super().__init__(path, channel_order, max_pixels)
        # First, since it alone refuses formats that name other files.
        self._pyav = PyAVReader(path, channel_order, max_pixels)
        self.num_frames, self.fps = self._pyav.num_frames, self._pyav.fps
        self._by_pyav = not (self._is_plain() and self._is_exact())
        if not self._by_pyav:
            self._pyav.close()

    def _is_plain(self) -> bool:
        """Whether the library accepts the name, chooses the same stream and applies the same rotation."""
        try:
            self.path.encode()  # OpenCV crashes on a name that is not UTF-8
        except UnicodeEncodeError:
            return False
        for _, frame in self._pyav.frames():
            return is_turned_at_most(frame) and self._pyav.video_streams == 1
        return False

    def _is_exact(self) -> bool:
        """Open the file, and say whether the library gives the frames of the index."""
        raise NotImplementedError

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """See :class:`Reader`."""
        return self._pyav.read(indices) if self._by_pyav else self._read(indices)

    def _read(self, indices: Sequence[int]) -> list[np.ndarray]:
        raise NotImplementedError

    def stream(self) -> Iterator[np.ndarray]:
        """See :class:`Reader`."""
        return self._pyav.stream() if self._by_pyav else super().stream()

    def times(self) -> np.ndarray | None:
        """See :class:`Reader`."""
        return self._pyav.times()

    def close(self) -> None:
        """See :class:`Reader`."""
        self._pyav.close()
