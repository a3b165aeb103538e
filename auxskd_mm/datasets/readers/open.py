"""Reading single frames by number from videos, frame folders and training stores.

Every reader has ``num_frames``, ``fps`` (None if unknown), ``read(indices)``, ``stream()`` and ``close()``; ``read``
takes ascending distinct frame numbers and returns as many uint8 (H, W, 3) arrays. Anything wrong with the file is a
:class:`VideoReadError`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import cv2
import numpy as np

from ...errors import InputError, VideoReadError
from .base import CHANNEL_ORDERS, TOLERATED_AT_END, Reader, reason
from .frame_folder import FrameFolderReader
from .pyav import PyAVReader


class DecordReader(Reader):
    """decord, for those whose videos it reads faster; not maintained any more and x86-64 only."""

    def __init__(self, path: str, channel_order: str = 'rgb') -> None:
        super().__init__(path, channel_order)
        self._require()
        try:
            import decord
        except ImportError:
            raise InputError(
                "backend='decord': decord is not installed; run `pip install decord` or use 'pyav'"
            ) from None
        try:
            self._reader = decord.VideoReader(path, num_threads=1)
            self.num_frames = len(self._reader)
            self.fps = float(self._reader.get_avg_fps())
        except (decord.DECORDError, RuntimeError, IndexError) as error:
            raise VideoReadError(path, f'cannot be opened as a video ({reason(error)})') from None
        if self.num_frames < 1:
            raise VideoReadError(path, 'holds no frames')

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """See :class:`Reader`."""
        import decord

        try:
            batch = self._reader.get_batch(list(indices)).asnumpy()
        except (decord.DECORDError, RuntimeError, IndexError) as error:
            raise VideoReadError(self.path, f'cannot be decoded ({reason(error)})') from None
        return list(batch if self.channel_order == 'rgb' else batch[..., ::-1])


class OpenCVReader(Reader):
    """OpenCV's VideoCapture: counts frames from the start, since its seeking is not exact."""

    def __init__(self, path: str, channel_order: str = 'rgb') -> None:
        super().__init__(path, channel_order)
        self._require()
        self._capture = cv2.VideoCapture(path)
        if not self._capture.isOpened():
            raise VideoReadError(path, 'cannot be opened as a video')
        self.num_frames = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.fps = float(self._capture.get(cv2.CAP_PROP_FPS)) or None
        if self.num_frames < 1:
            raise VideoReadError(path, 'holds no frames')

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """See :class:`Reader`."""
        wanted, final = set(indices), max(indices)
        found: dict[int, np.ndarray] = {}
        self._capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
        for i in range(final + 1):
            if not self._capture.grab():
                break
            if i in wanted or i >= self.num_frames - 1 - TOLERATED_AT_END:
                ok, frame = self._capture.retrieve()
                if ok:
                    found[i] = frame if self.channel_order == 'bgr' else cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        return self._complete(found, indices)

    def close(self) -> None:
        """See :class:`Reader`."""
        self._capture.release()


READERS: dict[str, type[Reader]] = {'pyav': PyAVReader, 'decord': DecordReader, 'opencv': OpenCVReader}


def open_reader(
    path: str, *, backend: str = 'pyav', channel_order: str = 'rgb', target: tuple[int, int] | None = None
) -> Reader:
    """Reader of a video file, or of a folder of frames or a video in a training store whatever the backend.

    Args:
        path: Video file, frame folder, or ``<store>/<name>``.
        backend: 'pyav', 'decord' or 'opencv'.
        channel_order: 'rgb' or 'bgr'.
        target: (width, height) that the frames will be resized to; see :class:`FrameFolderReader`, which alone uses it.

    Raises:
        InputError: For an unknown backend or channel order.
        VideoReadError: If the video cannot be used.
    """
    if backend not in READERS:
        raise InputError(f"backend='{backend}': expected one of {', '.join(map(repr, READERS))}")
    if channel_order not in CHANNEL_ORDERS:
        raise InputError(f"channel_order='{channel_order}': expected 'rgb' or 'bgr'")
    if os.path.isdir(path):
        return FrameFolderReader(path, channel_order, target)
    if not os.path.exists(path):
        from ..stores.read import open_stored_video

        stored = open_stored_video(path, channel_order)
        if stored is not None:
            return stored
    return READERS[backend](path, channel_order)
