"""Reads the pages that a TIFF or BigTIFF file lists: their sizes and types, and whether all their bytes are in the file."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import IO, Any, NamedTuple

import numpy as np

from ...errors import VideoReadError
from ...files import file_state

# Numbers of the tags.
_WIDTH, _HEIGHT, _BITS, _COLOURS, _TEXT, _SAMPLES, _FORMAT = 256, 257, 258, 262, 270, 277, 339
_STARTS, _LENGTHS = (273, 324), (279, 325)
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_WHOLE = {1: 'u1', 3: 'u2', 4: 'u4', 16: 'u8', 18: 'u8', 13: 'u4'}
# (bits, sample format) -> type; the formats are 1 unsigned, 2 signed, 3 float.
_TYPES = {
    (8, 1): 'uint8', (16, 1): 'uint16', (16, 2): 'int16', (32, 2): 'int32', (32, 3): 'float32', (64, 3): 'float64',
}  # fmt: skip
_SAMPLES_READ = (1, 3, 4)
# What a sample means: black is 0, red green blue, or YCbCr, which the decoder turns to RGB.
_COLOURS_READ = (1, 2, 6)
_MOST_PAGES, _MOST_ENTRIES = 2**22, 2**24
TIFF_SUFFIXES = ('.tif', '.tiff')


class Page(NamedTuple):
    """A page.

    Attributes:
        height: In pixels.
        width: In pixels.
        channels: Samples per pixel.
        dtype: Name of the type of a sample.
    """

    height: int
    width: int
    channels: int
    dtype: str


class _Form(NamedTuple):
    order: str
    big: bool


def has_pages(path: str) -> bool:
    """Whether a path is a TIFF file of more than one page, which is a video and no frame. False for what is no TIFF."""
    if not path.lower().endswith(TIFF_SUFFIXES):
        return False
    try:
        with open(path, 'rb') as file:
            pages = _directories(file, os.path.getsize(path))
            next(pages)
            return next(pages, None) is not None
    except (OSError, ValueError, StopIteration):
        return False


def is_tiff(data: bytes) -> bool:
    """Whether a file begins as a TIFF file does."""
    return data[:4] in (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+')


def read_pages(path: str) -> tuple[Page, ...]:
    """The pages of a file. A process remembers those of the last files.

    Raises:
        VideoReadError: If the file is damaged, cut off, or has pixels that are not read.
    """
    return _cached_pages(path, *file_state(path))


def pages_of(path: str, data: bytes) -> tuple[Page, ...]:
    """The pages of a file whose bytes are in memory; see :func:`read_pages`."""
    return _pages(path, io.BytesIO(data), len(data))


@lru_cache(maxsize=1024)
def _cached_pages(path: str, size: int, mtime: int) -> tuple[Page, ...]:
    with open(path, 'rb') as file:
        return _pages(path, file, size)


def _pages(path: str, file: IO[bytes], size: int) -> tuple[Page, ...]:
    pages: list[Page] = []
    images = 1
    try:
        for tags in _directories(file, size):
            images = images if pages else _images_of_imagej(tags)
            pages.append(_page(tags, size))
            if pages[-1] != pages[0]:
                raise ValueError(
                    f'holds pages of different kinds: page {len(pages) - 1} is {tuple(pages[-1])}, page 0 is '
                    f'{tuple(pages[0])} (height, width, channels, type)'
                )
    except ValueError as error:
        raise VideoReadError(path, str(error)) from None
    if not pages or images > len(pages):
        raise VideoReadError(
            path, f'has a directory of {len(pages)} pages, and tells of {images} images; save it as BigTIFF or .npy'
        )
    return tuple(pages)


def _directories(file: IO[bytes], size: int) -> Iterator[dict[int, Any]]:
    """The tags of each page: an array of whole numbers, or bytes."""
    form, at = _start(file)
    seen: set[int] = set()
    while at:
        if at in seen or at >= size or len(seen) > _MOST_PAGES:
            raise ValueError(f'is cut off or damaged: page {len(seen)} would begin at byte {at} of {size}')
        seen.add(at)
        file.seek(at)
        width, entry = (8, 20) if form.big else (2, 12)
        count = _number(file.read(width), form)
        table = file.read(count * entry)
        following = file.read(8 if form.big else 4)
        if len(table) < count * entry or len(following) < (8 if form.big else 4):
            raise ValueError(f'is cut off in the directory of page {len(seen) - 1}')
        yield dict(_tag(file, table[i : i + entry], form) for i in range(0, len(table), entry))
        at = _number(following, form)


def _start(file: IO[bytes]) -> tuple[_Form, int]:
    """Byte order and kind of a file, and the place of its first page."""
    start = file.read(16)
    if not is_tiff(start) or len(start) < 8:
        raise ValueError('is no TIFF file')
    form = _Form('<' if start[:2] == b'II' else '>', 43 in start[2:4])
    return form, _number(start[8:16] if form.big else start[4:8], form)


def _number(data: bytes, form: _Form) -> int:
    if not data:
        raise ValueError('is cut off')
    return int.from_bytes(data, 'little' if form.order == '<' else 'big')


def _tag(file: IO[bytes], entry: bytes, form: _Form) -> tuple[int, Any]:
    number, kind = _number(entry[:2], form), _number(entry[2:4], form)
    count = _number(entry[4:12] if form.big else entry[4:8], form)
    value = entry[12:] if form.big else entry[8:]
    size = _SIZES.get(kind, 0) * count
    if count > _MOST_ENTRIES:
        raise ValueError(f'is damaged: tag {number} has {count} values')
    if size > len(value):
        file.seek(_number(value, form))
        value = file.read(size)
        if len(value) < size:
            raise ValueError(f'is cut off in tag {number}')
    if kind in _WHOLE:
        return number, np.frombuffer(value[:size], form.order + _WHOLE[kind])
    return number, value[:size]


def _page(tags: dict[int, Any], size: int) -> Page:
    """A page whose bytes are all there."""
    try:
        width, height = int(tags[_WIDTH][0]), int(tags[_HEIGHT][0])
        samples = int(tags.get(_SAMPLES, (1,))[0])
        bits = sorted({int(one) for one in tags.get(_BITS, (1,))})
        kinds = sorted({int(one) for one in tags.get(_FORMAT, (1,))})
        colours = int(tags.get(_COLOURS, (1,))[0])
        starts = next(tags[key] for key in _STARTS if key in tags).astype(np.uint64)
        lengths = next(tags[key] for key in _LENGTHS if key in tags).astype(np.uint64)
    except (KeyError, IndexError, StopIteration, AttributeError):
        raise ValueError('is damaged: a page has no size or no place of its pixels') from None
    dtype = _TYPES.get((bits[0], kinds[0])) if len(bits) == len(kinds) == 1 else None
    if dtype is None or samples not in _SAMPLES_READ or colours not in _COLOURS_READ:
        raise ValueError(
            f'has pixels of {samples} samples with {"/".join(map(str, bits))} bits (sample format '
            f'{"/".join(map(str, kinds))}, photometric {colours}), which are not read; expected gray, RGB or RGBA of 8 or '
            '16 bits, or floats, with black as 0: convert it, for instance to .npy'
        )
    if len(starts) and int((starts + lengths).max()) > size:
        raise ValueError(f'is cut off: its pixels end at byte {int((starts + lengths).max())}, and it has {size}')
    return Page(height, width, samples, dtype)


def _images_of_imagej(tags: dict[int, Any]) -> int:
    """Number of images that ImageJ's description tells of, 1 without one.

    Above 4 GB ImageJ writes a directory for the first image alone, and the others follow its bytes.
    """
    text = bytes(tags[_TEXT]) if isinstance(tags.get(_TEXT), bytes) else b''
    found = re.search(rb'^images=(\d{1,9})\s*$', text, re.MULTILINE) if text.startswith(b'ImageJ') else None
    return int(found[1]) if found else 1
