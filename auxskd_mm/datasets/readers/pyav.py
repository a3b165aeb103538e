"""Reading frames by number through PyAV."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import VideoReadError
from ...functional.frame_times import even_times, without_jumps
from .base import TOLERATED_AT_END, Reader
from .frame_index import index_frames, open_container
from .limits import MAX_PIXELS, reason
from .orientation import filtered, upright
from .stream import decoded, is_repeat, video_stream

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer

_LOCAL = threading.local()
# Decoders of AV1. Its packets may hold a frame that a later packet shows, and skipping one would lose the other.
_SHOWS_LATER = ('av1', 'dav1d')
# Pixel formats with fewer samples of colour than of luma that FFmpeg turns to RGB without interpolation.
_SHORTCUT = ('yuv420p', 'yuvj420p', 'yuva420p', 'yuv422p', 'yuvj422p', 'yuva422p', 'yuyv422')


class PyAVReader(Reader):
    """PyAV with one thread: an index of all packets, and a seek to the key frame before the wanted frames.

    Frame numbers follow the order in which ``ffmpeg`` shows the frames, also with variable frame rates and B-frames.
    They come from the packets' time stamps. Where a container has none, or false ones (raw streams, AVI with B-frames),
    frames are counted from the start instead.

    A recorded call or a joined recording may change its size. All frames then get the size of the first one that is read.

    Attributes:
        index: Index of the frames.
        video_streams: Number of video streams in the file, including cover pictures.
    """

    _size: tuple[int, int] | None = None
    _container: Any = None
    # Who uses the container: each reading by number, and closing, takes it from those before.
    _turn = 0

    def __init__(self, path: str, channel_order: str = 'rgb', max_pixels: int = MAX_PIXELS) -> None:
        super().__init__(path, channel_order, max_pixels)
        self._require()
        self._container = open_container(path, max_pixels)
        self.video_streams = len(self._container.streams.video)
        try:
            self.index = index_frames(path, self._container, max_pixels)
        except VideoReadError:
            self.close()
            raise
        self.num_frames, self.fps = self.index.num_frames, self.index.fps
        self._number = {pts: i for i, pts in enumerate(self.index.order or ())}
        self._times: np.ndarray | None = None
        # Whether the time stamps give the frames' numbers: found out to be false, they are not used again.
        self._timed = self.index.order is not None

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """See :class:`Reader`."""
        import av

        wanted = set(indices)
        found: dict[int, np.ndarray] = {}
        try:
            if self._timed:
                found = self._read_by_time(wanted)
            if len(found) < len(wanted):
                found = self._read_from_start(wanted)
        except (av.error.FFmpegError, OSError) as error:
            raise VideoReadError(self.path, f'cannot be decoded ({reason(error)})') from None
        return self._complete(found, indices)

    def _read_by_time(self, wanted: set[int]) -> dict[int, np.ndarray]:
        """Decode the wanted frames from the key frame before them. The result is empty if the time stamps are false."""
        found = {i: self.array(frame) for i, frame in self.frames_by_time(wanted)}
        return found if self._timed else {}

    def frames_by_time(self, wanted: Collection[int]) -> Iterator[tuple[int, Any]]:
        """Number and PyAV frame of the wanted frames, in order, decoded from the key frame before them.

        It ends early where the file lacks frames, where the time stamps turn out to be false, and where other frames have
        been read meanwhile.
        """
        doubtful = self.index.doubtful
        self._turn += 1
        turn = self._turn
        stream = video_stream(self._opened())
        final, left = max(wanted), len(wanted)
        decoder, last = stream.codec_context, -1
        skips = not doubtful and not any(name in decoder.name for name in _SHOWS_LATER)
        for packet in self._packets_before(min(wanted)):
            if is_repeat(packet):
                continue
            # Frames that no other refers to (most B-frames) need no decoding unless they are wanted themselves.
            skip = skips and self._number.get(packet.pts, -1) not in wanted
            decoder.skip_frame = 'NONREF' if skip else 'DEFAULT'
            for frame in packet.decode():
                i = self._number.get(frame.pts, -1)
                if i < 0:
                    continue
                # The decoder gives frames in the order in which they are shown. Where none was skipped, none is missing.
                if last >= 0 and (i <= last or (doubtful and i != last + 1)):
                    self._timed = False
                    return
                last = i
                if i in wanted:
                    left -= 1
                    yield i, frame
                    if turn != self._turn:
                        return
            # Of doubtful ones the next frame is looked at too: a wanted frame that is shown later has taken its place.
            if last > final or (not doubtful and not left):
                break
        decoder.skip_frame = 'DEFAULT'

    def _packets_before(self, number: int) -> Iterator[Any]:
        """Packets from the key frame before a frame on."""
        order, keys = self.index.order, self.index.keys
        assert order is not None
        stream = video_stream(self._container)
        at = bisect_right(keys, order[number])
        try:
            self._container.seek(int(keys[at - 1] if at else order[0]), stream=stream, backward=True)
        except PermissionError:  # FFmpeg's word for a format that has no seeking, such as Flash's
            return iter(())
        return self._container.demux(stream)

    def _read_from_start(self, wanted: set[int]) -> dict[int, np.ndarray]:
        """Read slowly from the start. This also serves if a seek does not land at the position of the index."""
        found: dict[int, np.ndarray] = {}
        last, final = None, max(wanted)
        for i, frame in self.frames():
            last = i, frame
            if i in wanted:
                found[i] = self.array(frame)
            if i >= final:
                break
        if last is not None:
            found.setdefault(last[0], self.array(last[1]))
        return found

    def frames(self) -> Iterator[tuple[int, Any]]:
        """Number and PyAV frame of each frame, decoded once from the start.

        Raises:
            VideoReadError: If decoding ends with an error, or a frame is missing between two others.
        """
        import av

        # Of its own, so that frames can be read by number meanwhile, and the reader be closed.
        container = open_container(self.path, self.max_pixels)
        timed = self._timed and not self.index.doubtful
        count = 0
        try:
            for frame in decoded(container, video_stream(container)):
                i = self._number.get(frame.pts, -1) if timed else count
                if i < 0:
                    continue
                if i > count:
                    raise VideoReadError(
                        self.path, f'frame {count} of {self.num_frames} cannot be decoded (damaged or truncated file)'
                    )
                if i < count:
                    self._timed = timed = False
                if count < self.num_frames:
                    yield count, frame
                count += 1
        except (av.error.FFmpegError, OSError) as error:
            raise VideoReadError(self.path, f'cannot be decoded after frame {count} ({reason(error)})') from None
        finally:
            container.close()
        if count > self.num_frames + TOLERATED_AT_END:
            raise VideoReadError(self.path, f'shows {count} frames, but its packets tell of {self.num_frames}')

    def stream(self) -> Iterator[np.ndarray]:
        """All frames in order, each uint8 (H, W, 3), decoded once from the start."""
        count, array = 0, None
        for i, frame in self.frames():
            array, count = self.array(frame), i + 1
            yield array
        if array is None or count < self.num_frames - TOLERATED_AT_END:
            raise VideoReadError(self.path, f'only {count} of {self.num_frames} frames can be decoded')
        for _ in range(self.num_frames - count):
            yield array

    def times(self) -> np.ndarray | None:
        """See :class:`Reader`. They are those of the index, without rounding and jumps."""
        order, unit = self.index.order, self.index.time_base
        if order is None or unit is None:
            return super().times()
        if self._times is None:  # of an hour's recording it takes a while
            times = (np.asarray(order, dtype=np.int64) - order[0]) * unit
            self._times = even_times(without_jumps(times) if self.index.may_jump else times, self.fps)
        return self._times

    def array(self, frame: VideoFrame) -> np.ndarray:
        """Array uint8 (H, W, 3) of a PyAV frame of this video, in the size of the first one that was asked for."""
        size = frame.width, frame.height
        self._size = self._size or size
        if size != self._size:
            frame = filtered(frame, 'scale', '{}:{}'.format(*self._size))
        return frame_array(frame, self.channel_order)

    def close(self) -> None:
        """See :class:`Reader`. A later read opens the file again."""
        self._turn += 1
        container, self._container = self._container, None
        if container is not None:
            self._release(container)

    def _release(self, container: InputContainer) -> None:
        container.close()

    def _opened(self) -> Any:
        """The container that frames are read from by number."""
        if self._container is None:
            self._container = open_container(self.path, self.max_pixels)
        return self._container


def frame_array(frame: VideoFrame, channel_order: str) -> np.ndarray:
    """Array uint8 (H, W, 3) of a decoded frame, in the orientation for display, with the colours of ffmpeg."""
    pixels = f'{channel_order}24'

    def to_array(stored: VideoFrame) -> np.ndarray:
        # PyAV's own conversion does not place the samples of colour where the file says, and interpolates otherwise than
        # ffmpeg. For most 8-bit formats, and even heights, both take the same shortcut without interpolation.
        if stored.interlaced_frame or stored.height % 2 or not _is_converted_alike(stored.format.name):
            return filtered(stored, 'format', pixels).to_ndarray()
        return convert(stored, pixels).to_ndarray()

    return upright(frame, to_array)


@lru_cache
def _is_converted_alike(pixels: str) -> bool:
    """Whether PyAV converts frames of a pixel format to RGB as ffmpeg does."""
    from av.video.format import VideoFormat

    luma, *others = VideoFormat(pixels, 16, 16).components
    whole = all(part.width == luma.width and part.height == luma.height for part in others)
    return whole or pixels in _SHORTCUT


def convert(frame: VideoFrame, pixels: str) -> Any:
    """Convert a frame to another pixel format with one thread.

    PyAV's own ``to_ndarray(format=...)`` starts one thread per core for every frame. That costs several times as much
    as the conversion. A process that is forked while these threads exist waits for them forever.
    """
    if not hasattr(_LOCAL, 'converter'):
        from av.video.reformatter import VideoReformatter

        _LOCAL.converter = VideoReformatter()
        # Releases that do not know the argument have no threads either.
        known = 'threads' in (VideoReformatter.reformat.__doc__ or '')
        _LOCAL.options = dict(threads=1) if known else {}
    return _LOCAL.converter.reformat(frame, format=pixels, **_LOCAL.options)
