"""Readers of windows of recordings."""

from __future__ import annotations

import os
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ...errors import VideoReadError
from ..readers.base import Reader
from ..readers.frame_index import open_container
from ..readers.limits import MAX_PIXELS
from ..readers.pyav import PyAVReader
from ..readers.stream import video_stream
from .index_file import kept_index
from .names import Window, split_window

# FFmpeg finds a time in these by guessing positions. It does not know which packets are key frames.
_BY_POSITION = ('mpegts', 'mpeg')
# Far below the distance of two frames, and above the rounding of times in a list.
_EQUAL = 1e-6
# A container of two hours takes about 10 MB, most of it FFmpeg's own table of packets.
_MOST_CONTAINERS = 8


class _Containers:
    """Open containers of recordings, for the next reader of the same file.

    Opening an MP4 of two hours reads a table of all its packets. A child process starts without containers, since it
    would share their positions in the files with its parent.
    """

    def __init__(self) -> None:
        self._free: OrderedDict[tuple, Any] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, path: str, max_pixels: int) -> tuple[tuple, Any]:
        """Key and container of a file."""
        status = os.stat(path)
        key = os.path.abspath(path), status.st_size, status.st_mtime_ns, max_pixels
        with self._lock:
            container = self._free.pop(key, None)
        return key, open_container(path, max_pixels) if container is None else container

    def give_back(self, key: tuple, container: Any) -> None:
        """Keep a container for the next reader. The one that waited longest is closed if there are too many."""
        with self._lock:
            dropped = [self._free.pop(key, None)]
            self._free[key] = container
            if len(self._free) > _MOST_CONTAINERS:
                dropped.append(self._free.popitem(last=False)[1])
        for other in dropped:
            if other is not None:
                other.close()

    def forget(self) -> None:
        """Drop all containers, and the lock, which another thread of the parent may have held."""
        self._free.clear()
        self._lock = threading.Lock()


_CONTAINERS = _Containers()
if hasattr(os, 'register_at_fork'):
    os.register_at_fork(after_in_child=_CONTAINERS.forget)


class _Numbers:
    """Number of each time stamp, as a dict has it, from the ascending time stamps of an index."""

    def __init__(self, order: np.ndarray | None) -> None:
        self._order = np.zeros(0, np.int64) if order is None else order

    def get(self, pts: int | None, default: int) -> int:
        """Number of the frame with a time stamp."""
        if pts is None:
            return default
        at = int(self._order.searchsorted(pts))
        return at if at < len(self._order) and self._order[at] == pts else default


class RecordingReader(PyAVReader):
    """:class:`PyAVReader` with a kept index: it reads the packets of the wanted frames alone, however long the file is.

    Args:
        path: The recording.
        channel_order: See :class:`Reader`.
        max_pixels: See :class:`Reader`.
    """

    def __init__(self, path: str, channel_order: str = 'rgb', max_pixels: int = MAX_PIXELS) -> None:
        Reader.__init__(self, path, channel_order, max_pixels)
        self._require()
        kept = kept_index(path, max_pixels)
        self.index, self._times = kept.frames, kept.times
        self.num_frames, self.fps = self.index.num_frames, self.index.fps
        self._number = _Numbers(self.index.order)  # type: ignore[arg-type,assignment]
        self._timed = self.index.order is not None
        self._key, self._container = _CONTAINERS.take(path, max_pixels)
        self._taken = True
        self.video_streams = len(self._container.streams.video)

    def times(self) -> np.ndarray | None:
        """See :class:`Reader`."""
        return self._times

    def _packets_before(self, number: int) -> Iterator[Any]:
        """Find the key frame by its position where FFmpeg cannot find it by its time."""
        order, keys = self.index.order, self.index.keys
        assert order is not None
        at = bisect_right(keys, order[number]) - 1
        position = int(self.index.positions[at]) if at >= 0 else -1
        if position < 0 or self._container.format.name not in _BY_POSITION:
            yield from super()._packets_before(number)
            return
        stream, started = video_stream(self._container), False
        self._container.seek(position, stream=stream, unsupported_byte_offset=True)
        for packet in self._container.demux(stream):
            # Before the key frame there may be the rest of another one.
            started = started or packet.pts == keys[at]
            if started or (packet.size == 0 and packet.pts is None):
                yield packet

    def close(self) -> None:
        """Keep the container for the next reader. One that was opened anew, to read from the start, is closed."""
        if self._taken:
            self._taken = False
            _CONTAINERS.give_back(self._key, self._container)
        else:
            super().close()


class WindowReader(Reader):
    """The frames of another reader that are shown in a window: those with start <= time < end.

    Args:
        whole: Reader of the recording, a frame folder or a video in a store. It must know the times of its frames.
        window: The window, in seconds after the first frame of the recording.
        path: Virtual path, for messages.

    Attributes:
        whole: The reader of the recording.
        first: Number of the first frame of the window in the recording.

    Raises:
        VideoReadError: If the recording has no times, or no frame is shown in the window.
    """

    def __init__(self, whole: Reader, window: Window, path: str) -> None:
        super().__init__(path, whole.channel_order, whole.max_pixels)
        self.whole, self.fps = whole, whole.fps
        times = usable_times(whole)
        if isinstance(times, str):
            raise VideoReadError(path, times)
        self.first, last = frames_within(times, window)
        if last <= self.first:
            length = f'it has {len(times)} frames in {times[-1]:.6g} s'
            raise VideoReadError(path, f'no frame of the recording is shown in this window; {length}')
        self._times = np.asarray(times[self.first : last]) - float(times[self.first])
        self.num_frames = last - self.first

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """See :class:`Reader`."""
        return self.whole.read([self.first + i for i in indices])

    def stream(self) -> Iterator[np.ndarray]:
        """All frames of the window, each uint8 (H, W, 3), from one pass of the decoder where the file allows it."""
        done = 0
        whole = self.whole
        if isinstance(whole, PyAVReader) and whole.index.order is not None and not whole.index.doubtful:
            for i, frame in whole.frames_by_time(range(self.first, self.first + self.num_frames)):
                if i != self.first + done:
                    break
                done += 1
                yield whole._array(frame)
        while done < self.num_frames:
            frames = self.read(range(done, min(done + 64, self.num_frames)))
            done += len(frames)
            yield from frames

    def times(self) -> np.ndarray:
        """Seconds after the first frame of the window; see :class:`Reader`."""
        return self._times

    def close(self) -> None:
        """See :class:`Reader`."""
        self.whole.close()


def usable_times(reader: Reader) -> np.ndarray | str:
    """Times of a recording's frames, or why its seconds name no frames."""
    index = getattr(reader, 'index', None)
    if index is not None and 'backwards' in index.counted:
        return (
            f'{index.counted}, as in joined recordings, so seconds name no frames of it; write it anew, for instance '
            'with `ffmpeg -i IN -c:v libx264 OUT.mp4`'
        )
    times = reader.times()
    if times is None:
        return 'has no frame rate, so seconds name no frames of it; state it by OpenVideo.source_fps'
    return times


def frames_within(times: np.ndarray, window: Window) -> tuple[int, int]:
    """Numbers of the first frame in a window and of the first one after it.

    Args:
        times: Times of the frames in seconds, ascending, float64 (N,).
        window: The window.
    """
    first, last = times.searchsorted(np.asarray(window) - _EQUAL)
    return int(first), int(last)


def open_recording(path: str, channel_order: str = 'rgb', max_pixels: int = MAX_PIXELS) -> Reader:
    """Reader of a recording: a file, a folder of frames or a video in a store."""
    if os.path.isfile(path):
        return RecordingReader(path, channel_order, max_pixels)
    from ..readers.open import open_reader

    return open_reader(path, channel_order=channel_order, max_pixels=max_pixels)


def open_window(
    path: str, channel_order: str = 'rgb', max_pixels: int = MAX_PIXELS, source_fps: float | None = None
) -> WindowReader:
    """Reader of a virtual path.

    Args:
        path: ``<recording>#t=<start>,<end>``.
        channel_order: See :class:`Reader`.
        max_pixels: See :class:`Reader`.
        source_fps: Frame rate of a recording that has none, such as a frame folder.

    Raises:
        InputError: If start or end are wrong.
        VideoReadError: If the recording cannot be used, or has no frame in the window.
    """
    recording, window = split_window(path)
    assert window is not None
    whole = open_recording(recording, channel_order, max_pixels)
    whole.fps = whole.fps or source_fps
    try:
        return WindowReader(whole, window, path)
    except BaseException:
        whole.close()
        raise
