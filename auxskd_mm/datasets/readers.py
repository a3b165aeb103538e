"""Reading single frames by number from videos and frame folders.

Every reader has ``num_frames``, ``fps`` (None if unknown), ``read(indices)`` and ``close()``; ``read`` takes ascending
distinct frame numbers and returns as many uint8 (H, W, 3) arrays. Anything wrong with the file is a
:class:`VideoReadError`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..errors import InputError, VideoReadError

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp')
CHANNEL_ORDERS = ('rgb', 'bgr')
# Containers may announce a frame or two more than their last packets yield.
_TOLERATED_AT_END = 2


class Reader:
    """Base of the readers.

    Args:
        path: Video file or frame folder.
        channel_order: 'rgb', or 'bgr' as the original loaders fed their networks.
    """

    num_frames: int = 0
    fps: float | None = None

    def __init__(self, path: str, channel_order: str = 'rgb') -> None:
        self.path = path
        self.channel_order = channel_order

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """Frames of the given numbers (ascending, distinct), each uint8 (H, W, 3)."""
        raise NotImplementedError

    def close(self) -> None:
        """Release the file."""

    def _require(self) -> None:
        """Refuse a missing or empty file with a plain reason, whatever the backend would say."""
        if not os.path.exists(self.path):
            raise VideoReadError(self.path, 'no such file')
        if os.path.getsize(self.path) == 0:
            raise VideoReadError(self.path, 'the file is empty (0 bytes)')

    def _complete(self, found: dict[int, np.ndarray], indices: Sequence[int]) -> list[np.ndarray]:
        """Frames in order; the last decodable one stands in for the few that a container announced beyond its end."""
        missing = [i for i in indices if i not in found]
        if missing:
            last = max(found, default=-1)
            if last < 0 or missing[0] < self.num_frames - _TOLERATED_AT_END:
                raise VideoReadError(
                    self.path, f'frame {missing[0]} of {self.num_frames} cannot be decoded (damaged or truncated file)'
                )
            found.update(dict.fromkeys(missing, found[last]))
        return [found[i] for i in indices]


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
            raise VideoReadError(self.path, f'cannot be opened as a video ({_reason(error)})') from None
        if not container.streams.video:
            kinds = sorted({stream.type for stream in container.streams})
            container.close()
            only = f'no video stream (only {", ".join(kinds)})' if kinds else 'no frames'
            raise VideoReadError(self.path, f'holds {only}')
        # More threads cost more CPU time for short clips, and the loader's workers already use every core.
        container.streams.video[0].codec_context.thread_count = 1
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
            raise VideoReadError(self.path, f'is damaged or truncated ({_reason(error)})') from None
        if packets < stream.frames - _TOLERATED_AT_END:
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
            raise VideoReadError(self.path, f'cannot be decoded ({_reason(error)})') from None
        return self._complete(found, indices)

    def _read_by_time(self, wanted: set[int]) -> dict[int, np.ndarray]:
        assert self._order is not None
        stream = self._container.streams.video[0]
        number = {pts: i for i, pts in enumerate(self._order)}
        first = self._order[min(wanted)]
        keys = [key for key in self._keys if key <= first]
        self._container.seek(keys[-1] if keys else self._order[0], stream=stream, backward=True)
        found: dict[int, np.ndarray] = {}
        for frame in self._container.decode(stream):
            i = number.get(frame.pts, -1)
            if i in wanted:
                found[i] = self._array(frame)
                if len(found) == len(wanted):
                    break
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

    def _array(self, frame: Any) -> np.ndarray:
        array = frame.to_ndarray(format=f'{self.channel_order}24')
        # Phones store portrait video as landscape and a rotation; FFmpeg's libraries leave applying it to the caller.
        turns = round(getattr(frame, 'rotation', 0) / 90) % 4
        return np.ascontiguousarray(np.rot90(array, turns)) if turns else array

    def close(self) -> None:
        """See :class:`Reader`."""
        self._container.close()


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
            raise VideoReadError(path, f'cannot be opened as a video ({_reason(error)})') from None
        if self.num_frames < 1:
            raise VideoReadError(path, 'holds no frames')

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """See :class:`Reader`."""
        import decord

        try:
            batch = self._reader.get_batch(list(indices)).asnumpy()
        except (decord.DECORDError, RuntimeError, IndexError) as error:
            raise VideoReadError(self.path, f'cannot be decoded ({_reason(error)})') from None
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
            if i in wanted or i >= self.num_frames - 1 - _TOLERATED_AT_END:
                ok, frame = self._capture.retrieve()
                if ok:
                    found[i] = frame if self.channel_order == 'bgr' else cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        return self._complete(found, indices)

    def close(self) -> None:
        """See :class:`Reader`."""
        self._capture.release()


class FrameFolderReader(Reader):
    """A folder of images, one a frame, in the order of the numbers in their names."""

    def __init__(self, path: str, channel_order: str = 'rgb') -> None:
        super().__init__(path, channel_order)
        names = [e.name for e in os.scandir(path) if e.name.lower().endswith(IMAGE_SUFFIXES)]
        if not names:
            raise VideoReadError(path, f'holds no frames (expected images: {", ".join(IMAGE_SUFFIXES)})')
        self._names = sorted(names, key=natural_key)
        self.num_frames = len(names)

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """See :class:`Reader`."""
        frames = []
        for i in indices:
            name = os.path.join(self.path, self._names[i])
            image = cv2.imread(name, cv2.IMREAD_COLOR)
            if image is None:
                raise VideoReadError(name, 'cannot be read as an image')
            frames.append(image if self.channel_order == 'bgr' else cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        return frames


READERS: dict[str, type[Reader]] = {'pyav': PyAVReader, 'decord': DecordReader, 'opencv': OpenCVReader}


def open_reader(path: str, *, backend: str = 'pyav', channel_order: str = 'rgb') -> Reader:
    """Reader of a video file, or of a folder of frames whatever the backend.

    Args:
        path: Video file or frame folder.
        backend: 'pyav', 'decord' or 'opencv'.
        channel_order: 'rgb' or 'bgr'.

    Raises:
        InputError: For an unknown backend or channel order.
        VideoReadError: If the video cannot be used.
    """
    if backend not in READERS:
        raise InputError(f"backend='{backend}': expected one of {', '.join(map(repr, READERS))}")
    if channel_order not in CHANNEL_ORDERS:
        raise InputError(f"channel_order='{channel_order}': expected 'rgb' or 'bgr'")
    reader = FrameFolderReader if Path(path).is_dir() else READERS[backend]
    return reader(path, channel_order)


def natural_key(name: str) -> list[Any]:
    """Sort key that puts ``frame10`` after ``frame9``."""
    return [int(part) if part.isdigit() else part for part in re.split(r'(\d+)', name)]


def _reason(error: BaseException) -> str:
    """One short line of an error; FFmpeg's repeats the path."""
    strerror = getattr(error, 'strerror', None)
    text = str(strerror or error).strip() or type(error).__name__
    return text.splitlines()[0][:120]
