"""Reading frames by number through decord."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....errors import VideoReadError
from ..library import LibraryReader
from ..limits import reason
from ..stream import literal_path


class DecordReader(LibraryReader):
    """Reader with decord, which reads some videos faster. decord is no longer maintained, and supports x86-64 only.

    It finds frames by number in files whose groups of pictures are closed and whose first frame has time 0, such as
    most MP4. PyAV reads all others.
    """

    @classmethod
    def missing(cls) -> str:
        """See :class:`Reader`."""
        try:
            import decord  # noqa: F401
        except ImportError:
            return 'decord is not installed; run `pip install decord`'
        return ''

    def _is_exact(self) -> bool:
        import decord

        if not self._pyav.index.simple:
            return False
        try:
            self._reader = decord.VideoReader(literal_path(self.path), num_threads=1)
        except (decord.DECORDError, RuntimeError, IndexError):
            return False  # an unknown codec or container, since PyAV has read the file
        return len(self._reader) == self.num_frames

    def _read(self, indices: Sequence[int]) -> list[np.ndarray]:
        import decord

        try:
            batch = self._reader.get_batch(list(indices)).asnumpy()
        except (decord.DECORDError, RuntimeError, IndexError) as error:
            raise VideoReadError(self.path, f'cannot be decoded ({reason(error)})') from None
        # OpenCV writes into no reversed view.
        return list(batch if self.channel_order == 'rgb' else np.ascontiguousarray(batch[..., ::-1]))


READER = DecordReader
