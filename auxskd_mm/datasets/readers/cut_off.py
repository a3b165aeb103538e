"""Detects a missing end of a video file from the sizes that its container states.

FFmpeg reads the rest of such a file without a warning. Each check reads a few positions of the file. It reports a
missing part only where the container states it for certain. The part after the last frame may be of no use, but its
absence shows that the copy is incomplete.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

# Elements of Matroska (RFC 9559) that hold others.
_SEGMENT, _CLUSTER = 0x18538067, 0x1F43B675
_TS_SIZES, _TS_SYNC = (188, 192, 204), 0x47
_ASF_HEADER = bytes.fromhex('3026b2758e66cf11a6d900aa0062ce6c')
_ASF_FILE_PROPERTIES = bytes.fromhex('a1dcab8c47a9cf118ee400c00c205365')
_OGG_PAGE = 65307  # the largest
_MXF_PARTITION = bytes.fromhex('060e2b34020501010d01020101')


class _File(NamedTuple):
    """An open file and its size."""

    descriptor: int
    size: int

    def read(self, start: int, count: int) -> bytes:
        return os.pread(self.descriptor, count, max(start, 0))


def missing_end(path: str, container: str) -> str:
    """The evidence that a file is cut off, with numbers. '' if there is none. ``container`` is FFmpeg's name of its
    format, such as 'matroska,webm'.
    """
    check = next((check for name, check in _CHECKS.items() if name in container.split(',')), None)
    if check is None:
        return ''
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return check(_File(descriptor, os.fstat(descriptor).st_size))
    finally:
        os.close(descriptor)


def _promised(size: int, file: _File) -> str:
    return f'it says that it has {size} bytes, the file has {file.size}' if size > file.size else ''


def _matroska(file: _File) -> str:
    """Check the size of the segment, and that elements fill it: a download may take its full size at once, and leave the
    rest zero. If the size is unknown, as in recordings of browsers, check that of the last element.
    """
    at = end = 0
    while at + 12 <= (end or file.size):
        head = file.read(at, 12)
        width = 9 - head[0].bit_length()
        if width > 4:  # no element
            empty = not any(head + file.read(end - 12, 12))
            return f'the bytes from {at} to {end} are zero' if empty and end else ''
        kind = int.from_bytes(head[:width], 'big')
        length = 9 - head[width].bit_length()
        if length > 8 or (at == 0 and kind != 0x1A45DFA3):
            return ''
        bits = 7 * length
        content = int.from_bytes(file.read(at + width, length), 'big') & ((1 << bits) - 1)
        unknown = content == (1 << bits) - 1
        at += width + length
        if kind == _SEGMENT and not unknown:
            end = at + content
            if end > file.size:
                return _promised(end, file)
        elif unknown:
            if kind not in (_SEGMENT, _CLUSTER):
                return ''
        elif at + content > file.size:
            return _promised(at + content, file)
        else:
            at += content
    return ''


def _avi(file: _File) -> str:
    """Check the list of frames. The index after it may be missing."""
    at = 12
    while at + 12 <= file.size:
        head = file.read(at, 12)
        size = int.from_bytes(head[4:8], 'little')
        if head[:4] == b'LIST' and head[8:] == b'movi':
            # Recorders that were stopped, and files beyond 2 GB, state none or the largest number.
            return _promised(at + 8 + size, file) if 4 < size < 2**31 else ''
        at += 8 + size + size % 2
    return ''


def _mp4(file: _File) -> str:
    """Check the last box. Missing samples are already found by their number, but not in fragments."""
    at = 0
    while at + 8 <= file.size:
        head = file.read(at, 16)
        size, kind = int.from_bytes(head[:4], 'big'), head[4:8]
        if size == 1:
            size = int.from_bytes(head[8:], 'big')
        if size < 8 or not kind.isalnum():
            return ''  # to the end of the file, or no box
        at += size
        if at > file.size:
            return _promised(at, file) if kind in (b'mdat', b'moof', b'moov') else ''
    return ''


def _mpegts(file: _File) -> str:
    """Check that packets have one size and a sync byte each."""
    for size in _TS_SIZES:
        skip = 4 if size == 192 else 0
        if all(file.read(i * size + skip, 1) == bytes([_TS_SYNC]) for i in range(5)):
            rest = file.size % size
            sync = file.read(file.size - rest + skip, 1) if rest > skip else b''
            last = file.read(file.size - rest - size + skip, 1)
            if sync == last == bytes([_TS_SYNC]):
                return f'its last packet has {rest} bytes of {size}'
    return ''


def _flv(file: _File) -> str:
    """Check the last tag. Its size is stated before and after it."""
    total = int.from_bytes(file.read(file.size - 4, 4), 'big')
    start = file.size - 4 - total
    head = file.read(start, 4) if start >= 9 else b''
    whole = len(head) == 4 and head[0] & 0x1F in (8, 9, 18) and total == 11 + int.from_bytes(head[1:], 'big')
    return '' if whole else 'its last tag is not whole'


def _asf(file: _File) -> str:
    head = file.read(0, 2**16)
    at = head.find(_ASF_FILE_PROPERTIES)
    if head[:16] != _ASF_HEADER or at < 0 or len(head) < at + 92 or head[at + 88] & 1:
        return ''  # a broadcast does not know its size
    return _promised(int.from_bytes(head[at + 40 : at + 48], 'little'), file)


def _ogg(file: _File) -> str:
    """Check the last page."""
    tail = file.read(file.size - 2 * _OGG_PAGE, 2 * _OGG_PAGE)
    at = tail.rfind(b'OggS\0')
    if at < 0:
        return ''
    segments = tail[at + 26] if at + 26 < len(tail) else 0
    sizes = tail[at + 27 : at + 27 + segments]
    whole = at + 27 <= len(tail) and len(sizes) == segments and at + 27 + segments + sum(sizes) <= len(tail)
    return '' if whole else 'its last page is not whole'


def _mxf(file: _File) -> str:
    """Check that the footer is there, whose place the first partition states (SMPTE ST 377-1) unless it is not closed."""
    head = file.read(0, 2**16 + 64)
    at = head.find(_MXF_PARTITION)
    size = head[at + 16] if 0 <= at < len(head) - 16 else 0
    # Behind its version, its grid and the places of two others.
    start = at + 17 + (size & 0x7F if size & 0x80 else 0) + 24
    return _promised(int.from_bytes(head[start : start + 8], 'big'), file) if size else ''


def _gif(file: _File) -> str:
    """Check the end of the last image's data and of the file."""
    return '' if b'\0;' in file.read(file.size - 256, 256) else 'its end mark is missing'


_CHECKS: dict[str, Callable[[_File], str]] = dict(
    matroska=_matroska, avi=_avi, mov=_mp4, mpegts=_mpegts, flv=_flv, asf=_asf, ogg=_ogg, gif=_gif, mxf=_mxf
)
