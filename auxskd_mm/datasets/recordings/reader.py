"""Readers of windows of recordings."""

from __future__ import annotations

import os
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from itertools import dropwhile
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import VideoReadError
from ...files import file_state
from ..readers.base import Reader
from ..readers.frame_index import open_container
from ..readers.limits import MAX_PIXELS
from ..readers.pyav import PyAVReader
from ..readers.stream import video_stream
from ..readers.window import WindowReader
from .index_file import kept_index
from .names import Window

if TYPE_CHECKING:
    from av.container import InputContainer

# These have no table of key frames. FFmpeg would guess the position of a time, or read all packets before it.
_BY_POSITION = ('mpegts', 'mpeg', 'flv', 'm4v', 'mpegvideo')
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
        key = os.path.abspath(path), *file_state(path), max_pixels
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
        self.video_streams = len(self._opened().streams.video)

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
            return super()._packets_before(number)
        stream = video_stream(self._container)
        self._container.seek(position, stream=stream, unsupported_byte_offset=True)
        # Before the key frame there may be the rest of another one.
        return dropwhile(
            lambda packet: packet.pts != keys[at] and (packet.size or packet.pts is not None),
            self._container.demux(stream),
        )

    def _release(self, container: InputContainer) -> None:
        """Keep the container for the next reader."""
        _CONTAINERS.give_back(self._key, container)

    def _opened(self) -> Any:
        if self._container is None:
            self._key, self._container = _CONTAINERS.take(self.path, self.max_pixels)
        return self._container


class RecordedWindow(WindowReader):
    """The frames of another reader that are shown in a window: those with start <= time < end.

    Args:
        whole: Reader of the recording, a frame folder or a video in a store. It is closed with this one.
        window: The window, in seconds after the first frame of the recording.
        path: Virtual path, for messages.

    Raises:
        VideoReadError: If the recording has no times, or no frame is shown in the window.
    """

    def __init__(self, whole: Reader, window: Window, path: str) -> None:
        times = usable_times(whole)
        if isinstance(times, str):
            raise VideoReadError(path, times)
        first, last = frames_within(times, window)
        if last <= first:
            length = f'it has {len(times)} frames in {times[-1]:.6g} s'
            raise VideoReadError(path, f'no frame of the recording is shown in this window; {length}')
        super().__init__(whole, first, last - first)
        self.path, self.whole, self.first = path, whole, first

    def stream(self) -> Iterator[np.ndarray]:
        """All frames of the window, each uint8 (H, W, 3), from one pass of the decoder where the file allows it."""
        done = 0
        whole = self.whole
        if isinstance(whole, PyAVReader) and whole.index.order is not None and not whole.index.doubtful:
            for i, frame in whole.frames_by_time(range(self.first, self.first + self.num_frames)):
                if i != self.first + done:
                    break
                done += 1
                yield whole.array(frame)
        while done < self.num_frames:
            frames = self.read(range(done, min(done + 64, self.num_frames)))
            done += len(frames)
            yield from frames

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
        return 'has no frame rate, so seconds name no frames of it; state it by OpenVideo.source_fps, or make a video of it'
    return times


def frames_within(times: np.ndarray, window: Window) -> tuple[int, int]:
    """Numbers of the first frame in a window and of the first one after it, of frames at the ascending times float64
    (N,) in seconds.
    """
    first, last = times.searchsorted(np.asarray(window) - _EQUAL)
    return int(first), int(last)
