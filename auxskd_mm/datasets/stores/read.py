"""Reading single frames out of a store. It reads only their bytes, and with H.264 also those since their key frame."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ...errors import InputError, VideoReadError
from ...files import read_exactly
from ...functional.pixels import PixelKind, ordered
from ..readers.base import Reader, runs_of
from ..readers.images import jpeg_size
from ..readers.limits import MAX_PIXELS, check_pixels, reason
from ..readers.pyav import frame_array
from .buffers import take_buffer
from .feature_settings import FEATURES
from .schema import TAR_BLOCK
from .settings import MEMBER_SUFFIX, NPY_HEADER, StoreSettings, member_stem
from .store import Store, find_store, require_row

if TYPE_CHECKING:
    from av import VideoCodecContext

_MOST_DECODERS = 16
# Longest name in the header of a tar, and the smallest size that its octal digits cannot state.
_LONGEST_NAME, _LARGE = 100, 8**11
_LOCAL = threading.local()
# Known to OpenCV since 4.11; the same values without a second pass over them.
_READ_RGB: int | None = getattr(cv2, 'IMREAD_COLOR_RGB', None)


class StoredVideoReader(Reader):
    """A video in a store. Each call of :meth:`read` opens the shard and closes it again.

    Args:
        store: The store.
        number: Row of the video in the store's index.
        path: ``<store>/<name>``.
        channel_order: See :class:`Reader`.
        max_pixels: See :class:`Reader`.

    Raises:
        VideoReadError: If the frames are larger than ``max_pixels``.
    """

    def __init__(
        self, store: Store, number: int, path: str, channel_order: str = 'rgb', max_pixels: int = MAX_PIXELS
    ) -> None:
        super().__init__(path, channel_order, max_pixels)
        row = store.index.rows[number]
        self.num_frames = int(row['frames'])
        self.fps = float(row['fps']) or None
        self._shard = store.shards[row['shard']]
        self._offset, self._size, self._table = int(row['offset']), int(row['size']), int(row['table'])
        self._shape = int(row['height']), int(row['width'])
        check_pixels(path, self._shape[::-1], max_pixels)
        self._stem = member_stem(store.index.names[number])
        self._checked = False
        self._store, self._extradata = store, int(row['extradata'])
        self._number = number

    def times(self) -> np.ndarray | None:
        """See :class:`Reader`. They are those of the source video.

        Raises:
            InputError: If the store was packed before stores kept time stamps.
        """
        if self._store.index.timed is None:
            raise InputError(
                f'{self._store.path}: packed by a version that kept no time stamps, which fps needs; run '
                'tools/data/pack_videos.py again with the same arguments, or set fps=None of the sampler'
            )
        times = self._store.index.frame_times(self._number)
        return super().times() if times is None else times

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """See :class:`Reader`."""
        with self._opened() as descriptor:
            if not self._checked:
                self._check_members(descriptor)
                self._checked = True
            return self._read(descriptor, indices)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """Descriptor of the shard."""
        try:
            descriptor = os.open(self._shard, os.O_RDONLY)
        except OSError as error:
            raise VideoReadError(self.path, f'its shard {self._shard} cannot be opened ({reason(error)})') from None
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _read(self, descriptor: int, indices: Sequence[int]) -> list[np.ndarray]:
        raise NotImplementedError

    def _check_members(self, descriptor: int) -> None:
        """Compare the index with the headers in the shard. A wrong position would give other pixels."""
        self._check_member(descriptor, self._offset, self._size, self._stem + MEMBER_SUFFIX[self._store.layout])
        if self._table >= 0:
            self._check_member(descriptor, self._table, 4 * (self.num_frames + 1), f'{self._stem}.positions')

    def _check_member(self, descriptor: int, start: int, size: int, name: str) -> None:
        at = start - self._offset
        header = self._bytes(descriptor, at - TAR_BLOCK, at)
        # A long name, or one that is not ASCII, stands in a header before this one. So does a large size then.
        before = len(name) > _LONGEST_NAME or not name.isascii()
        same = before or header[:_LONGEST_NAME].rstrip(b'\0') == name.encode()
        stated = 0 if before and size >= _LARGE else size
        if not same or header[257:262] != b'ustar' or _tar_number(header[124:136]) != stated:
            raise VideoReadError(
                self.path, f'is not where the index of the store says ({name}, {size} bytes at {start}); pack it again'
            )

    def _check_array(self, descriptor: int, shape: tuple[int, ...], dtype: Any) -> None:
        """Compare the index with the header of the array that holds the pixels or maps."""
        header = self._bytes(descriptor, 0, NPY_HEADER)
        if f"'shape': {shape}".encode() not in header or f"'descr': '{np.dtype(dtype).str}'".encode() not in header:
            raise VideoReadError(self.path, 'has another shape in its shard than in the index; pack it again')

    def _refuse_shape(self, i: int, shape: Sequence[int]) -> None:
        if tuple(shape[:2]) != self._shape:
            raise VideoReadError(
                self.path,
                f'frame {i} has {shape[1]}x{shape[0]} pixels, {self._shape[1]}x{self._shape[0]} in the index; the '
                'store is damaged, pack it again',
            )

    def _bytes(self, descriptor: int, start: int, end: int) -> bytes:
        """Bytes [start, end) of the member."""
        data = read_exactly(descriptor, end - start, self._offset + start)
        if len(data) != end - start:
            raise VideoReadError(self.path, f'its shard {self._shard} is cut off; pack or copy it again')
        return data

    def _positions(self, descriptor: int, first: int, last: int) -> list[int]:
        """Start positions of the frames first .. last, and the end position of the last one."""
        data = self._bytes(
            descriptor, self._table - self._offset + 4 * first, self._table - self._offset + 4 * (last + 2)
        )
        positions = np.frombuffer(data, dtype='<u4').tolist()
        if positions[-1] > self._size or any(a >= b for a, b in zip(positions, positions[1:])):
            raise VideoReadError(self.path, 'its table of positions is damaged; pack it again')
        return positions


class StoredRawReader(StoredVideoReader):
    """Layout 'raw'. The frames are views of one buffer of the pool, which is reused when all views are gone."""

    @property
    def _kind(self) -> PixelKind:
        settings = self._store.settings
        assert isinstance(settings, StoreSettings)
        return settings.kind

    def _check_members(self, descriptor: int) -> None:
        super()._check_members(descriptor)
        dtype, channels = self._kind
        self._check_array(descriptor, (self.num_frames, *self._shape, channels), dtype)

    def _read(self, descriptor: int, indices: Sequence[int]) -> list[np.ndarray]:
        height, width = self._shape
        dtype, channels = self._kind
        size = self._kind.place_bytes * height * width
        buffer = take_buffer(len(indices) * size)
        filled = 0
        # A read call costs less than the bytes of a frame, so only neighbours are read together.
        for run in runs_of(indices):
            part: Any = buffer[filled : filled + len(run) * size]
            start = NPY_HEADER + run[0] * size
            if os.preadv(descriptor, [part], self._offset + start) != part.size:
                part[:] = np.frombuffer(self._bytes(descriptor, start, start + part.size), np.uint8)
            filled += part.size
        if dtype != 'uint8' or channels != 3:
            return [
                ordered(f, 'rgb', self.channel_order) for f in buffer.view(dtype).reshape(-1, height, width, channels)
            ]
        frames = list(buffer.reshape(-1, height, width, 3))
        return frames if self.channel_order == 'rgb' else [cv2.cvtColor(f, cv2.COLOR_RGB2BGR) for f in frames]


class StoredJpgReader(StoredVideoReader):
    """Layout 'jpg'."""

    def _read(self, descriptor: int, indices: Sequence[int]) -> list[np.ndarray]:
        frames = []
        for run in runs_of(indices, gap=4):
            positions = self._positions(descriptor, run[0], run[-1])
            data = np.frombuffer(self._bytes(descriptor, positions[0], positions[-1]), np.uint8)
            for i in run:
                start, end = (positions[i - run[0] + k] - positions[0] for k in (0, 1))
                size = jpeg_size(data[start:end].tobytes())
                if size is not None:
                    self._refuse_shape(i, size[::-1])  # before there is memory for it
                image = decode_image(data[start:end], self.channel_order) if size is not None else None
                if image is None:
                    raise VideoReadError(self.path, f'frame {i} cannot be decoded; the store is damaged, pack it again')
                self._refuse_shape(i, image.shape)
                frames.append(image)
        return frames


class StoredMp4Reader(StoredVideoReader):
    """Layout 'mp4'. The packets go to the decoder directly from the file; no container is opened."""

    def _read(self, descriptor: int, indices: Sequence[int]) -> list[np.ndarray]:
        import av

        decoder = _decoder(self._store.index.extradata[self._extradata], self.max_pixels)
        frames: list[np.ndarray] = []
        try:
            for run in self._runs_of_groups(indices):
                frames.extend(self._decode(descriptor, decoder, run))
        except av.error.FFmpegError as error:
            raise VideoReadError(self.path, f'cannot be decoded ({reason(error)}); the store is damaged') from None
        return frames

    def _runs_of_groups(self, indices: Sequence[int]) -> list[list[int]]:
        """Groups of indices that are decoded together. Groups of pictures without a wanted frame are skipped."""
        gop = self._store.gop
        runs = [[indices[0]]]
        for before, i in zip(indices, indices[1:]):
            if i // gop > before // gop and i // gop * gop > before + 1:
                runs.append([i])
            else:
                runs[-1].append(i)
        return runs

    def _decode(self, descriptor: int, decoder: VideoCodecContext, run: Sequence[int]) -> list[np.ndarray]:
        import av

        first = run[0] // self._store.gop * self._store.gop
        positions = self._positions(descriptor, first, run[-1])
        data = memoryview(self._bytes(descriptor, positions[0], positions[-1]))
        decoder.flush_buffers()
        wanted = {i - first for i in run}
        frames: list[np.ndarray] = []
        for i in range(len(positions) - 1):
            piece = data[positions[i] - positions[0] : positions[i + 1] - positions[0]]
            packet = av.Packet(piece)  # type: ignore[arg-type]  # any buffer will do; the stub says bytes
            decoded = decoder.decode(packet)
            if len(decoded) != 1 or decoded[0].is_corrupt:
                raise VideoReadError(self.path, f'frame {first + i} cannot be decoded; the store is damaged')
            if i in wanted:
                # Odd sides were padded to even ones.
                frame = frame_array(decoded[0], self.channel_order)
                if frame.shape[:2] != tuple(side + side % 2 for side in self._shape):
                    self._refuse_shape(first + i, frame.shape)
                frames.append(frame[: self._shape[0], : self._shape[1]])
        return frames


def open_stored_video(path: str, channel_order: str = 'rgb', max_pixels: int = MAX_PIXELS) -> StoredVideoReader | None:
    """Reader of ``<store>/<name>``. None if no parent folder is a store.

    Raises:
        InputError: If the store cannot be used, or holds feature maps.
        VideoReadError: If the store does not hold the video.
    """
    found = find_store(path)
    if found is None:
        return None
    store, name = found
    if store.layout == FEATURES:
        raise InputError(
            f'{store.path}: holds feature maps of a trunk and no images; read it with OpenFeatures and DecodeFeatures, and '
            'give a model that takes images the videos or a store of images'
        )
    return READERS[store.layout](store, require_row(store, name, path), path, channel_order, max_pixels)


def _tar_number(field: bytes) -> int:
    """A number of a tar header, octal or (from 8 GiB on) binary. -1 if the field is not a number."""
    if field[0] & 0x80:
        return int.from_bytes(field[1:], 'big')
    digits = field.rstrip(b'\0 ')
    return int(digits, 8) if digits.isdigit() and not digits.translate(None, b'01234567') else -1


def decode_image(data: np.ndarray, channel_order: str) -> np.ndarray | None:
    """Decode an image to uint8 (H, W, 3). None if the image is damaged."""
    if channel_order == 'rgb' and _READ_RGB is not None:
        return cv2.imdecode(data, _READ_RGB)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return image if image is None or channel_order == 'bgr' else cv2.cvtColor(image, cv2.COLOR_BGR2RGB, image)


def _decoder(extradata: bytes, max_pixels: int) -> Any:
    """H.264 decoder of this thread for a set of parameters. Only a few decoders are kept. None has threads or files."""
    import av

    cache: OrderedDict[tuple[bytes, int], Any] = _LOCAL.__dict__.setdefault('decoders', OrderedDict())
    key = extradata, max_pixels
    decoder = cache.get(key)
    if decoder is None:
        decoder = av.CodecContext.create('h264', 'r')
        decoder.options = {'max_pixels': str(max_pixels)}
        decoder.extradata = extradata
        decoder.thread_count = 1
        decoder.open()
        cache[key] = decoder
        if len(cache) > _MOST_DECODERS:
            cache.popitem(last=False)
    else:
        cache.move_to_end(key)
    return decoder


READERS: dict[str, type[StoredVideoReader]] = dict(mp4=StoredMp4Reader, jpg=StoredJpgReader, raw=StoredRawReader)
