"""Limits of the readers: allowed formats, largest frame size, and longest time to open a file."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ...errors import InputError, VideoReadError

# 8192 x 8192, more than 8K video has. A frame then takes 192 MiB.
MAX_PIXELS = 2**26
# Seconds to open a file, and to read each packet.
_MOST_SECONDS = 60.0
# FFmpeg's demuxers that hold frames themselves. Not among them are those that open other files or addresses which the
# file names (concat, dash, hls, imf, image2, mlv, sdp, svg_pipe ...), devices, and forms without a header (rawvideo).
_FORMATS = (
    'apng', 'apv', 'asf', 'asf_o', 'av1', 'avi', 'avs2', 'avs3', 'bink', 'cavsvideo', 'cine', 'dhav', 'dirac', 'dnxhd',
    'dv', 'evc', 'flic', 'flv', 'gif', 'gxf', 'h261', 'h263', 'h264', 'hevc', 'ipu', 'ivf', 'jpeg_pipe', 'kux',
    'live_flv', 'lxf', 'm4v', 'matroska', 'mjpeg', 'mjpeg_2000', 'mov', 'mp4', 'mpeg', 'mpegts', 'mpegtsraw',
    'mpegvideo', 'mxf', 'nsv', 'nut', 'nuv', 'obu', 'ogg', 'r3d', 'rm', 'roq', 'ser', 'smjpeg', 'smk', 'swf', 'ty',
    'vc1', 'vc1test', 'vvc', 'webm', 'webp', 'wtv', 'yuv4mpegpipe',
)  # fmt: skip
_LIBRARIES = ('av', 'cv2', 'decord', 'torchcodec')
# What lists of other files start with.
_PLAYLISTS = {
    b'#EXTM3U': 'an M3U playlist',
    b'ffconcat': 'a concat list of FFmpeg',
    b'v=0': 'a session description (SDP)',
    b'[playlist]': 'a PLS playlist',
    b'[Reference]': 'an ASX playlist',
    b'<MPD': 'a DASH manifest',
    b'<asx': 'an ASX playlist',
    b'<smil': 'a SMIL playlist',
}


def container_options(max_pixels: int, **further: str) -> dict[str, Any]:
    """Arguments of ``av.open`` for a local file: only formats that hold frames, no other file, and a time limit.

    ``further`` are options of the demuxer.
    """
    options = dict(
        format_whitelist=','.join(_FORMATS), protocol_whitelist='file', max_pixels=str(max_pixels), **further
    )
    # Titles and such need not be UTF-8.
    return dict(options=options, timeout=(_MOST_SECONDS, _MOST_SECONDS), metadata_errors='replace')


def playlist_kind(path: str) -> str:
    """The kind of playlist, if a file is a list of other files, else ''."""
    try:
        with open(path, 'rb') as file:
            start = file.read(1024).removeprefix(b'\xef\xbb\xbf').lstrip()
    except (OSError, ValueError):
        return ''
    for sign, kind in _PLAYLISTS.items():
        markup = sign[:1] == b'<'
        if start.lower().startswith(sign.lower()) or (markup and start[:1] == b'<' and sign.lower() in start.lower()):
            return kind
    return ''


def check_pixels(path: str, size: tuple[int, int], max_pixels: int) -> None:
    """Refuse frames of a size (width, height) before there is memory for them.

    Raises:
        VideoReadError: If they have more pixels than ``max_pixels``.
    """
    if size[0] * size[1] > max_pixels:
        raise VideoReadError(
            path,
            f'has frames of {size[0]}x{size[1]} pixels, more than max_pixels={max_pixels}; scale it down, or raise '
            'max_pixels of OpenVideo',
        )


def reason(error: BaseException) -> str:
    """One short line of an error, without the path that FFmpeg repeats."""
    # OpenCV's text starts with its source file, the condition that failed comes alone in `err`.
    text = getattr(error, 'strerror', None) or getattr(error, 'err', None) or error
    return (str(text).strip() or type(error).__name__).splitlines()[0][:120]


@contextmanager
def library_errors(path: Callable[[], str]) -> Iterator[None]:
    """Turn errors of a library or the system, and a lack of memory, into a :class:`VideoReadError`.

    Args:
        path: Function that returns the path for the message. It is called only on an error.

    Raises:
        VideoReadError: For an error of PyAV, OpenCV or the system, and for a lack of memory.
    """
    try:
        yield
    except InputError:
        raise
    except MemoryError:
        raise VideoReadError(path(), 'takes more memory than there is') from None
    except (OSError, OverflowError) as error:
        raise VideoReadError(path(), f'cannot be read ({reason(error)})') from None
    except Exception as error:
        if not _is_of_a_library(error):
            raise
        raise VideoReadError(path(), f'cannot be decoded ({reason(error)})') from None


def _is_of_a_library(error: Exception) -> bool:
    """Whether the error is a library's own, or one of Python's that its code raised: PyAV has plain IndexErrors."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    # Compiled code has the path of its source in the package, such as av/container/streams.py.
    origin = '' if trace is None else trace.tb_frame.f_code.co_filename.replace('/', '.')
    return any(name.partition('.')[0] in _LIBRARIES for name in (type(error).__module__, origin))


def guarded(method: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a reader's method, or generator, in :func:`library_errors`."""
    if inspect.isgeneratorfunction(method):

        @functools.wraps(method)
        def generate(self: object, *args: object, **kwargs: object) -> Iterator[Any]:
            with library_errors(lambda: getattr(self, 'path', '')):
                yield from method(self, *args, **kwargs)

        return generate

    @functools.wraps(method)
    def call(self: object, *args: object, **kwargs: object) -> Any:
        with library_errors(lambda: getattr(self, 'path', '')):
            return method(self, *args, **kwargs)

    return call
