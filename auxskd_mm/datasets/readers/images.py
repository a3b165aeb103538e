"""Decoding one image file whole, or not at all."""

from __future__ import annotations

import os

import cv2
import numpy as np

from ...errors import VideoReadError
from .limits import MAX_PIXELS, check_pixels
from .tiff_header import is_tiff, pages_of

_END_OF_JPG = b'\xff\xd9'
# The last chunk of a PNG, with its checksum.
_END_OF_PNG = b'IEND\xaeB`\x82'
# Colour type of a PNG.
_GRAY_ALPHA = 4
# A pixel of a file takes no more bytes (16 bit RGBA), nor its header.
_BYTES_PER_PIXEL, _HEADER = 8, 2**24
REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


def read_file(path: str, max_pixels: int = MAX_PIXELS) -> bytes:
    """Bytes of an image file.

    OpenCV does not receive the path, since it crashes on a name that is not UTF-8.

    Raises:
        VideoReadError: If the file cannot be read, is empty, or is larger than an image of ``max_pixels`` can be.
    """
    try:
        with open(path, 'rb') as file:
            size = os.fstat(file.fileno()).st_size
            if size > _BYTES_PER_PIXEL * max_pixels + _HEADER:
                raise VideoReadError(path, f'is larger ({size} bytes) than an image of max_pixels={max_pixels} can be')
            data = file.read()
    except OSError as error:
        raise VideoReadError(path, f'cannot be read ({error.strerror})') from None
    if not data:
        raise VideoReadError(path, 'the file is empty (0 bytes)')
    return data


def decode_image(path: str, data: bytes, reduced: int = 1, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Image uint8 (H, W, 3), BGR. A PNG of 16 bits and a TIFF keep their type and channels: (H, W, C), BGR or BGRA.

    Args:
        path: Path, for messages.
        data: Bytes of the file.
        reduced: Divisor of the size, 1, 2, 4 or 8.
        max_pixels: Largest number of pixels of the stored image.

    Raises:
        VideoReadError: If the file is cut off (OpenCV would fill the rest with grey), is none of
            :data:`~auxskd_mm.datasets.suffixes.IMAGE_SUFFIXES`, or larger than ``max_pixels``.
    """
    if is_tiff(data):
        return _decode_tiff(path, data, max_pixels)
    size = image_size(data)
    if size is None:
        raise VideoReadError(path, 'cannot be read as an image (no JPG, PNG, BMP, WebP or TIFF)')
    check_pixels(path, size, max_pixels)
    if is_cut_off(data):
        raise VideoReadError(path, f'is cut off after {len(data)} bytes; copy or extract it again')
    deep = data[:4] == b'\x89PNG' and data[24] == 16
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED if deep else REDUCED[reduced])
    if image is None:
        raise VideoReadError(path, 'cannot be read as an image')
    if not deep:
        return image
    # OpenCV writes gray with alpha as colours with alpha.
    return image[..., [0, 3]] if data[25] == _GRAY_ALPHA else image.reshape(*image.shape[:2], -1)


def _decode_tiff(path: str, data: bytes, max_pixels: int) -> np.ndarray:
    pages = pages_of(path, data)
    if len(pages) > 1:
        raise VideoReadError(path, f'has {len(pages)} pages, and a frame has one; give the file as a video of its own')
    height, width, channels, dtype = pages[0]
    check_pixels(path, (width, height), max_pixels)
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None or image.dtype != dtype or image.size != height * width * channels:
        raise VideoReadError(path, f'cannot be decoded as {channels} channels of {dtype}; convert it')
    # OpenCV has turned it as its tag of orientation says.
    return image.reshape(*image.shape[:2], channels)


def is_cut_off(data: bytes) -> bool:
    """Whether the end of a JPG, PNG, BMP or WebP file is missing. It reads only the structure, which is cheap."""
    if data[:2] == b'\xff\xd8':
        if data[-2:] == _END_OF_JPG:
            return False
        # Cameras append data of their own, and a thumbnail at the beginning has an end too.
        start = _segments(data)[1]
        return start is None or data.find(_END_OF_JPG, start) < 0
    if data[:8] == b'\x89PNG\r\n\x1a\n':
        return data.rfind(_END_OF_PNG) < 0
    if data[:4] == b'RIFF' and data[8:12] == b'WEBP':
        return len(data) < 8 + int.from_bytes(data[4:8], 'little')
    return data[:2] == b'BM' and len(data) < int.from_bytes(data[2:6], 'little')


def image_size(data: bytes) -> tuple[int, int] | None:
    """(width, height) from the header of a JPG, PNG, BMP or WebP. None for any other file.

    The header is read before OpenCV decodes, since OpenCV allocates all the memory at once.
    """
    if data[:2] == b'\xff\xd8':
        return jpeg_size(data)
    if data[:8] == b'\x89PNG\r\n\x1a\n' and len(data) >= 26:  # with its depth and colour type
        return int.from_bytes(data[16:20], 'big'), int.from_bytes(data[20:24], 'big')
    if data[:2] == b'BM' and len(data) >= 26:
        if int.from_bytes(data[14:18], 'little') == 12:  # the header of OS/2
            return int.from_bytes(data[18:20], 'little'), int.from_bytes(data[20:22], 'little')
        # A negative height stores the rows from the top.
        width, height = (int.from_bytes(data[at : at + 4], 'little', signed=True) for at in (18, 22))
        return abs(width), abs(height)
    return _webp_size(data) if data[:4] == b'RIFF' and data[8:12] == b'WEBP' and len(data) >= 30 else None


def _webp_size(data: bytes) -> tuple[int, int] | None:
    """Size in the first chunk: lossy (RFC 6386, 9.1), lossless or extended (the WebP container's specification)."""
    kind = data[12:16]
    if kind == b'VP8X':
        return 1 + int.from_bytes(data[24:27], 'little'), 1 + int.from_bytes(data[27:30], 'little')
    if kind == b'VP8L':
        bits = int.from_bytes(data[21:25], 'little')
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b'VP8 ':
        return int.from_bytes(data[26:28], 'little') & 0x3FFF, int.from_bytes(data[28:30], 'little') & 0x3FFF
    return None


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """(width, height) from the header of a JPG. None for any other file."""
    return _segments(data)[0]


def _segments(data: bytes) -> tuple[tuple[int, int] | None, int | None]:
    """Size of a JPG, and the start of its coded pixels. None for a missing part."""
    at, size = 2, None
    while data[:2] == b'\xff\xd8' and at + 4 <= len(data):
        if data[at] != 0xFF:  # between segments decoders skip what is no marker
            at = data.find(b'\xff', at)
            if at < 0:
                break
            continue
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], 'big')
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker == 0xDA:
            return size, at + 2 + length
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            size = int.from_bytes(data[at + 7 : at + 9], 'big'), int.from_bytes(data[at + 5 : at + 7], 'big')
        at += 2 + length
    return size, None
