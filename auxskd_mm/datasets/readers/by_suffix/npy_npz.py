"""Stacks in NumPy's files: ``.npy`` by memory map, ``.npz`` frame by frame."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import IO, Any, NamedTuple

import numpy as np

from ....errors import VideoReadError
from ....functional.pixels import stack_shape
from ..limits import MAX_PIXELS, reason
from ..stack import StackReader

_FRAMES, _RATE = 'frames', 'fps'
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_OF_NPZ = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


class _Header(NamedTuple):
    """The header of an array. ``start`` is the place of its first byte."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype
    start: int


class ArrayFileReader(StackReader):
    """A stack (T, H, W) or (T, H, W, C) in a ``.npy`` or ``.npz`` file. Three channels are red, green and blue.

    A ``.npz`` file holds one array, or one that is called ``frames``. A number ``fps`` beside it is the frame rate.
    Nothing is unpickled.

    Raises:
        VideoReadError: If the file is cut off, or holds something else than one stack of pixels.
    """

    def __init__(self, path: str, channel_order: str = 'rgb', max_pixels: int = MAX_PIXELS) -> None:
        super().__init__(path, channel_order, max_pixels)
        self._member = ''
        try:
            if _begins_as_zip(path):
                header, size = self._open_npz()
            else:
                with open(path, 'rb') as file:
                    header = _read_header(file)
                size = os.path.getsize(path)
            if header.dtype.hasobject:
                raise ValueError('holds Python objects, which are never loaded; save plain numbers')
            shape = stack_shape(header.shape)
        except VideoReadError:
            raise
        except _OF_NPZ as error:
            # Ours and NumPy's on what is no array file at all.
            plain = str(error).startswith(('has ', 'holds '))
            what = reason(error) if plain else f'is cut off, or no array file of NumPy ({reason(error)})'
            raise VideoReadError(path, what) from None
        self._header = header
        self._map: Any = None
        self._size = header.start + header.dtype.itemsize * int(np.prod(np.array(shape, dtype=object)))
        if size < self._size:
            raise VideoReadError(path, f'is cut off: its header tells of {self._size} bytes, and there are {size}')
        self._note(shape, header.dtype)

    def _open_npz(self) -> tuple[_Header, int]:
        """Header and size of the stack in a ``.npz`` file."""
        with zipfile.ZipFile(self.path) as file:
            arrays = {name.removesuffix('.npy'): name for name in file.namelist() if name.endswith('.npy')}
            stacks = [name for name in arrays if name != _RATE]
            if len(stacks) != 1 and _FRAMES not in stacks:
                names = ', '.join(sorted(stacks)[:5]) or 'none'
                raise VideoReadError(
                    self.path, f"holds the arrays {names}; expected one stack, or one that is called '{_FRAMES}'"
                )
            self._member = arrays[stacks[0] if len(stacks) == 1 else _FRAMES]
            if _RATE in arrays:
                self.fps = self._rate(file, arrays[_RATE])
            with file.open(self._member) as member:
                return _read_header(member), file.getinfo(self._member).file_size

    def _rate(self, file: zipfile.ZipFile, name: str) -> float:
        with file.open(name) as member:
            rate = np.lib.format.read_array(member, allow_pickle=False)
        if rate.size != 1 or rate.dtype.kind not in 'iuf' or not 0 < float(rate.reshape(-1)[0]) < float('inf'):
            raise VideoReadError(self.path, f"has no frame rate in '{_RATE}'; expected one number above 0")
        return float(rate.reshape(-1)[0])

    def _frames(self, indices: Sequence[int]) -> Iterator[np.ndarray]:
        if not self._member:
            # A file that was cut off while it is in use would end the process where its map is read.
            if os.path.getsize(self.path) < self._size:
                raise VideoReadError(self.path, 'was cut off since it was opened')
            if self._map is None:
                self._map = self._mapped()
            yield from (self._map[i] for i in indices)
            return
        try:
            with zipfile.ZipFile(self.path) as file, file.open(self._member) as member:
                yield from self._members(member, indices)
        except VideoReadError:
            raise
        except _OF_NPZ as error:
            raise VideoReadError(self.path, f'is damaged ({reason(error)})') from None

    def _members(self, member: IO[bytes], indices: Sequence[int]) -> Iterator[np.ndarray]:
        header = self._header
        if header.fortran:  # frames do not follow one another
            member.seek(header.start)
            whole = np.frombuffer(member.read(), header.dtype).reshape(header.shape, order='F')
            yield from (whole[i] for i in indices)
            return
        size = (self._size - header.start) // self.num_frames
        for i in indices:
            member.seek(header.start + i * size)
            data = member.read(size)
            if len(data) < size:
                raise VideoReadError(self.path, f'is cut off in frame {i}')
            yield np.frombuffer(data, header.dtype)

    def _mapped(self) -> Any:
        header = self._header
        order: Any = 'F' if header.fortran else 'C'
        return np.memmap(self.path, header.dtype, 'r', header.start, header.shape, order)

    def close(self) -> None:
        """See :class:`Reader`. A later read maps the file again."""
        self._map = None


def _begins_as_zip(path: str) -> bool:
    with open(path, 'rb') as file:
        return file.read(2) == b'PK'


def _read_header(file: IO[bytes]) -> _Header:
    version = np.lib.format.read_magic(file)  # type: ignore[arg-type]  # it only reads
    if version not in _HEADERS:
        raise ValueError(f"has version {version} of NumPy's format; save plain numbers")
    shape, fortran, dtype = _HEADERS[version](file)  # type: ignore[arg-type]
    return _Header(shape, fortran, dtype, file.tell())


READER = ArrayFileReader
