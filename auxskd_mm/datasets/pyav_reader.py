"""Reading frames by number through PyAV."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import VideoReadError
from .reader_base import TOLERATED_AT_END, Reader, reason

_LOCAL = threading.local()
# AVFMT_FLAG_GENPTS of libavformat/avformat.h, which PyAV sets without asking.
_INVENT_TIME_STAMPS = 1


class PyAVReader(Reader):
    """PyAV, one thread: an index of all packets, a seek to the key frame before the first frame wanted, and no further.

    Frame numbers are exact with variable frame rates and B-frames, since they come from the packets' time stamps. Where
    a container has none (raw streams, AVI with B-frames), frames are counted from the start instead.
    """

    def __init__(self, path: str, channel_order: str = 'rgb') -> None:
        super().__init__(path, channel_order)
        self._require()
        self._container = self._open()
        try:
            self._index()
        except VideoReadError:
            self.close()
            raise

    def _open(self) -> Any:
        import av

        try:
            container = av.open(self.path)
        except (av.error.FFmpegError, OSError) as error:
            raise VideoReadError(self.path, f'cannot be opened as a video ({reason(error)})') from None
        # Invented time stamps follow the order in the file, which with B-frames is not the order of the frames.
        container.flags = container.flags & ~_INVENT_TIME_STAMPS
        if not container.streams.video:
            kinds = sorted({stream.type for stream in container.streams})
            container.close()
            only = f'no video stream (only {", ".join(kinds)})' if kinds else 'no frames'
            raise VideoReadError(self.path, f'holds {only}')
        context = container.streams.video[0].codec_context
        if context is None:
            container.close()
            raise VideoReadError(
                self.path, 'has a codec that this PyAV has no decoder for; convert it, for instance to H.264'
            )
        # More threads cost more CPU time for short clips, and the loader's workers already use every core.
        context.thread_count = 1
        return container

    def _index(self) -> None:
        import av

        stream = self._container.streams.video[0]
        pts: list[int | None] = []
        keys: list[int] = []
        packets = 0
        try:
            for packet in self._container.demux(stream):
                if packet.size == 0:
                    continue
                packets += 1
                if packet.is_discard:
                    continue
                pts.append(packet.pts)
                if packet.is_keyframe and packet.pts is not None:
                    keys.append(packet.pts)
        except av.error.FFmpegError as error:
            raise VideoReadError(self.path, f'is damaged or truncated ({reason(error)})') from None
        if packets < stream.frames - TOLERATED_AT_END:
            raise VideoReadError(
                self.path, f'is truncated: its header promises {stream.frames} frames, the file holds {packets}'
            )
        if not pts:
            raise VideoReadError(self.path, 'holds no frames')
        self.num_frames = len(pts)
        self.fps = float(stream.average_rate) if stream.average_rate else None
        known = [p for p in pts if p is not None]
        self._order = sorted(known) if len(set(known)) == len(pts) else None
        self._keys = sorted(keys)

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """See :class:`Reader`."""
        import av

        wanted = set(indices)
        found: dict[int, np.ndarray] = {}
        try:
            if self._order is not None:
                found = self._read_by_time(wanted)
            if len(found) < len(wanted):
                found = self._read_by_count(wanted)
        except (av.error.FFmpegError, OSError) as error:
            raise VideoReadError(self.path, f'cannot be decoded ({reason(error)})') from None
        return self._complete(found, indices)

    def _read_by_time(self, wanted: set[int]) -> dict[int, np.ndarray]:
        assert self._order is not None
        stream = self._container.streams.video[0]
        number = {pts: i for i, pts in enumerate(self._order)}
        first = self._order[min(wanted)]
        keys = [key for key in self._keys if key <= first]
        self._container.seek(keys[-1] if keys else self._order[0], stream=stream, backward=True)
        found: dict[int, np.ndarray] = {}
        decoder = stream.codec_context
        for packet in self._container.demux(stream):
            # Frames that no other refers to (most B-frames) need no decoding unless they are wanted themselves.
            decoder.skip_frame = 'DEFAULT' if number.get(packet.pts, -1) in wanted else 'NONREF'
            for frame in packet.decode():
                i = number.get(frame.pts, -1)
                if i in wanted:
                    found[i] = self._array(frame)
            if len(found) == len(wanted):
                break
        decoder.skip_frame = 'DEFAULT'
        return found

    def _read_by_count(self, wanted: set[int]) -> dict[int, np.ndarray]:
        """The slow second way, from the start; also recovers a file whose seek does not land where its index says."""
        self.close()
        self._container = self._open()
        found: dict[int, np.ndarray] = {}
        last, final = None, max(wanted)
        for i, frame in enumerate(self._container.decode(video=0)):
            last = i, frame
            if i in wanted:
                found[i] = self._array(frame)
            if i >= final:
                break
        if last is not None:
            found.setdefault(last[0], self._array(last[1]))
        return found

    def stream(self) -> Iterator[np.ndarray]:
        """All frames in order, decoded once from the start."""
        import av

        self.close()
        self._container = self._open()
        timed = None if self._order is None else set(self._order)
        count, array = 0, None
        try:
            for frame in self._container.decode(video=0):
                if count < self.num_frames and (timed is None or frame.pts in timed):
                    array, count = self._array(frame), count + 1
                    yield array
        except (av.error.FFmpegError, OSError) as error:
            raise VideoReadError(self.path, f'cannot be decoded after frame {count} ({reason(error)})') from None
        if array is None or count < self.num_frames - TOLERATED_AT_END:
            raise VideoReadError(self.path, f'only {count} of {self.num_frames} frames can be decoded')
        for _ in range(self.num_frames - count):
            yield array

    def _array(self, frame: Any) -> np.ndarray:
        return frame_array(frame, self.channel_order)

    def close(self) -> None:
        """See :class:`Reader`."""
        self._container.close()


def frame_array(frame: Any, channel_order: str) -> np.ndarray:
    """uint8 (H, W, 3) of a decoded frame."""
    array = convert(frame, f'{channel_order}24').to_ndarray()
    # Phones store portrait video as landscape and a rotation; FFmpeg's libraries leave applying it to the caller.
    turns = round(getattr(frame, 'rotation', 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(array, turns)) if turns else array


def convert(frame: Any, pixels: str) -> Any:
    """A frame in another pixel format, by one thread.

    PyAV's own ``to_ndarray(format=...)`` starts a thread a core for every frame, which costs several times the
    conversion, and a process that is forked while they exist waits for them for ever.
    """
    if not hasattr(_LOCAL, 'converter'):
        from av.video.reformatter import VideoReformatter

        _LOCAL.converter = VideoReformatter()
        # Releases that do not know the argument have no threads either.
        known = 'threads' in (VideoReformatter.reformat.__doc__ or '')
        _LOCAL.options = dict(threads=1) if known else {}
    return _LOCAL.converter.reformat(frame, format=pixels, **_LOCAL.options)
