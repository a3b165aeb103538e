"""Reading single frames by number from videos, frame folders and training stores.

Every reader has ``num_frames``, ``fps`` (None if unknown), ``read(indices)``, ``stream()``, ``times()`` and
``close()``. ``read`` takes ascending distinct frame numbers and returns as many arrays: uint8 (H, W, 3) of videos, and
(H, W, C) of the file's own type of stacks (:mod:`.by_suffix`). Anything wrong with the file is a
:class:`VideoReadError`.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from ...errors import InputError, VideoReadError
from ..suffixes import STACK_MODULES, VIDEO_SUFFIXES
from .base import CHANNEL_ORDERS, TOLERATED_AT_END, Reader
from .frame_folder import FrameFolderReader
from .limits import MAX_PIXELS, reason
from .orientation import is_turned_at_most
from .pyav import PyAVReader
from .stream import literal_path


class _OtherReader(Reader):
    """Base of the readers with other libraries. They number the frames as PyAV does.

    The libraries guess the number of frames from the header, and find frames by number in some files only. So these
    readers use the index of :class:`PyAVReader`. If the library would give other frames of a file, PyAV reads it.
    """

    def __init__(self, path: str, channel_order: str = 'rgb', max_pixels: int = MAX_PIXELS) -> None:
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


class DecordReader(_OtherReader):
    """Reader with decord, which reads some videos faster. decord is no longer maintained, and supports x86-64 only.

    It finds frames by number in files whose groups of pictures are closed and whose first frame has time 0, such as
    most MP4. PyAV reads all others.
    """

    def __init__(self, path: str, channel_order: str = 'rgb', max_pixels: int = MAX_PIXELS) -> None:
        try:
            import decord  # noqa: F401
        except ImportError:
            raise InputError(
                "backend='decord': decord is not installed; run `pip install decord` or use 'pyav'"
            ) from None
        super().__init__(path, channel_order, max_pixels)

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
        return list(batch if self.channel_order == 'rgb' else batch[..., ::-1])


class OpenCVReader(_OtherReader):
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


READERS: dict[str, type[Reader]] = {'pyav': PyAVReader, 'decord': DecordReader, 'opencv': OpenCVReader}


def open_reader(
    path: str,
    *,
    backend: str = 'pyav',
    channel_order: str = 'rgb',
    target: tuple[int, int] | None = None,
    max_pixels: int = MAX_PIXELS,
    source_fps: float | None = None,
) -> Reader:
    """Reader of a video file, a stack, a folder of frames, a video in a training store, or a window of any of these.

    Args:
        path: Video file, stack, frame folder, ``<store>/<name>``, or a virtual path (:mod:`auxskd_mm.datasets.recordings`).
        backend: 'pyav', 'decord' or 'opencv', for video files only. PyAV reads all windows.
        channel_order: 'rgb' or 'bgr'.
        target: (width, height) that the frames will be resized to. Only :class:`FrameFolderReader` uses it.
        max_pixels: Largest number of pixels per frame. The default is 8192 x 8192.
        source_fps: Frame rate of a source that has none, for windows of it.

    Raises:
        InputError: For an unknown backend or channel order, or a window with a wrong start or end.
        VideoReadError: If the video cannot be used.
    """
    if backend not in READERS:
        raise InputError(f"backend='{backend}': expected one of {', '.join(map(repr, READERS))}")
    if channel_order not in CHANNEL_ORDERS:
        raise InputError(f"channel_order='{channel_order}': expected 'rgb' or 'bgr'")
    if os.path.isdir(path):
        return FrameFolderReader(path, channel_order, target, max_pixels)
    if not os.path.exists(path):
        from ..recordings.names import split_window
        from ..stores.read import open_stored_video
        from ..stores.store import stored_video_exists

        if split_window(path)[1] is not None and not stored_video_exists(path):
            return _open_window(path, channel_order, max_pixels, source_fps)
        stored = open_stored_video(path, channel_order, max_pixels)
        if stored is not None:
            return stored
    stack = _stack_module(path)
    if stack:
        reader: type[Reader] = importlib.import_module(f'.by_suffix.{stack}', __package__).READER
        return reader(path, channel_order, max_pixels)
    return READERS[backend](path, channel_order, max_pixels)


def open_recording(path: str, channel_order: str = 'rgb', max_pixels: int = MAX_PIXELS) -> Reader:
    """Reader of a recording for windows of it: of a video file, with a kept index.

    Args:
        path: Video file, stack, frame folder, or ``<store>/<name>``.
        channel_order: See :func:`open_reader`.
        max_pixels: See :func:`open_reader`.

    Raises:
        VideoReadError: If the recording cannot be used.
    """
    from ..recordings.reader import RecordingReader

    if os.path.isfile(path) and not _stack_module(path):
        return RecordingReader(path, channel_order, max_pixels)
    return open_reader(path, channel_order=channel_order, max_pixels=max_pixels)


def _open_window(path: str, channel_order: str, max_pixels: int, source_fps: float | None) -> Reader:
    """Reader of a virtual path."""
    from ..recordings.names import split_window
    from ..recordings.reader import RecordedWindow

    recording, window = split_window(path)
    assert window is not None
    whole = open_recording(recording, channel_order, max_pixels)
    whole.fps = whole.fps or source_fps
    try:
        return RecordedWindow(whole, window, path)
    except BaseException:
        whole.close()
        raise


def _stack_module(path: str) -> str:
    """Name of the module that reads a stack, '' for other files. A DICOM file often has no suffix."""
    suffix = os.path.splitext(path)[1].lower()
    if suffix in STACK_MODULES or suffix in VIDEO_SUFFIXES or not os.path.isfile(path):
        return STACK_MODULES.get(suffix, '')
    try:
        with open(path, 'rb') as file:
            return STACK_MODULES['.dcm'] if file.read(132)[128:] == b'DICM' else ''
    except OSError:
        return ''
