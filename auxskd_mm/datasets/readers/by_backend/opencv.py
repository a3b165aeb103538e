"""Reading frames through OpenCV's VideoCapture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from ..base import TOLERATED_AT_END
from ..library import LibraryReader
from ..stream import literal_path


class OpenCVReader(LibraryReader):
    """Reader with OpenCV's VideoCapture. It counts frames from the start, since OpenCV's seeking is not exact.

    PyAV reads interlaced videos, since OpenCV 5 returns uninitialised memory for them.
    """

    def _is_exact(self) -> bool:
        for _, frame in self._pyav.frames():
            if frame.interlaced_frame:
                return False
            break
        capture = _capture(self.path)
        try:
            # Also false for a codec that it opens and cannot decode.
            return bool(capture.isOpened() and capture.grab())
        finally:
            capture.release()

    def _read(self, indices: Sequence[int]) -> list[np.ndarray]:
        wanted, final = set(indices), max(indices)
        found: dict[int, np.ndarray] = {}
        capture = _capture(self.path)
        try:
            for i in range(final + 1):
                if not capture.grab():
                    break
                if i in wanted or i >= self.num_frames - 1 - TOLERATED_AT_END:
                    ok, frame = capture.retrieve()
                    if ok:
                        found[i] = self._ordered(frame)
        finally:
            capture.release()
        return self._complete(found, indices)

    def stream(self) -> Iterator[np.ndarray]:
        """See :class:`Reader`. One pass, where reading block by block would start again for each block."""
        if self._by_pyav:
            yield from self._pyav.stream()
            return
        capture = _capture(self.path)
        found: dict[int, np.ndarray] = {}
        try:
            for i in range(self.num_frames):
                ok, frame = capture.read()
                found = {i: self._ordered(frame)} if ok else found
                yield self._complete(found, [i])[0]
        finally:
            capture.release()

    def _ordered(self, frame: np.ndarray) -> np.ndarray:
        return frame if self.channel_order == 'bgr' else cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)


def _capture(path: str) -> cv2.VideoCapture:
    """Open with the FFmpeg backend alone. OpenCV's other backends treat ``img_%02d.avi`` as the names of many files."""
    return cv2.VideoCapture(literal_path(path), cv2.CAP_FFMPEG)


READER = OpenCVReader
