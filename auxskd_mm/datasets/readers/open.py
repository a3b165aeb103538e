"""Reading single frames by number from videos, frame folders and training stores.

Every reader has ``num_frames``, ``fps`` (None if unknown), ``read(indices)``, ``stream()``, ``times()`` and
``close()``. ``read`` takes frame numbers, ascending ones the fastest, and returns as many arrays: uint8 (H, W, 3) of videos, and
(H, W, C) of the file's own type of stacks (:mod:`.by_suffix`). Anything wrong with the file is a
:class:`VideoReadError`.
"""

from __future__ import annotations

import importlib
import os
import pkgutil

from ...errors import InputError, check_choice
from ..suffixes import STACK_READERS, VIDEO_SUFFIXES
from . import by_backend
from .base import CHANNEL_ORDERS, Reader
from .frame_folder import FrameFolderReader
from .limits import MAX_PIXELS
from .pyav import PyAVReader


def _readers() -> dict[str, type[Reader]]:
    """Reader of each backend. That of PyAV comes first, and the others are those of :mod:`.by_backend`."""
    found: dict[str, type[Reader]] = {'pyav': PyAVReader}
    for module in sorted(module.name for module in pkgutil.iter_modules(by_backend.__path__)):
        found[module] = importlib.import_module(f'.by_backend.{module}', __package__).READER
    return found


READERS = _readers()


def open_reader(
    path: str | os.PathLike[str],
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
        backend: 'pyav', 'decord', 'opencv', 'torchcodec' or 'torchcodec_cuda', for video files only. PyAV reads all windows.
        channel_order: 'rgb' or 'bgr'.
        target: (width, height) that the frames will be resized to. Only :class:`FrameFolderReader` uses it.
        max_pixels: Largest number of pixels per frame. The default is 8192 x 8192.
        source_fps: Frame rate of a source that has none, for windows of it.

    Raises:
        InputError: For an unknown backend or channel order, a backend that cannot be used here, or a window with a wrong
            start or end.
        VideoReadError: If the video cannot be used.
    """
    path = os.fspath(path)
    check_choice('backend', backend, READERS)
    check_choice('channel_order', channel_order, CHANNEL_ORDERS)
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
    stack = _stack_reader(path)
    if stack:
        return _load(stack)(path, channel_order, max_pixels)
    return READERS[backend](path, channel_order, max_pixels)


def open_recording(path: str, channel_order: str = 'rgb', max_pixels: int = MAX_PIXELS) -> Reader:
    """Reader of a recording for windows of it; see :func:`open_reader`. A video file gets a kept index.

    Raises:
        VideoReadError: If the recording cannot be used.
    """
    from ..recordings.reader import RecordingReader

    if os.path.isfile(path) and not _stack_reader(path):
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


def _load(name: str) -> type[Reader]:
    """A reader by 'module:class'.

    Raises:
        InputError: If another package names one that is none.
    """
    try:
        found = pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"entry point '{name}' of auxskd_mm.readers: {error}; install its package again") from None
    if not (isinstance(found, type) and issubclass(found, Reader)):
        raise InputError(f"entry point '{name}' of auxskd_mm.readers: expected a StackReader, not {found!r}")
    return found


def _stack_reader(path: str) -> str:
    """The reader of a stack as 'module:class', '' for other files. A DICOM file often has no suffix."""
    suffix = os.path.splitext(path)[1].lower()
    if suffix in STACK_READERS or suffix in VIDEO_SUFFIXES or not os.path.isfile(path):
        return STACK_READERS.get(suffix, '')
    try:
        with open(path, 'rb') as file:
            return STACK_READERS['.dcm'] if file.read(132)[128:] == b'DICM' else ''
    except OSError:
        return ''
