"""Encodes frames into the bytes of a store's member, one function per layout.

An encoder is a generator of byte strings, so a long video is never whole in memory except as H.264. The encoder writes
the positions of the frames, which a reader needs, into its :class:`Recipe`. They are complete when the generator has
ended.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ...errors import InputError, VideoReadError
from ..readers.pyav import convert
from ..stores.feature_settings import FeatureSettings
from ..stores.settings import NPY_HEADER, StoreSettings

if TYPE_CHECKING:
    from typing import BinaryIO


@dataclass
class Recipe:
    """Inputs of an encoder, and the positions that it reports.

    Attributes:
        settings: Settings of the store.
        num_frames: Number of frames to encode.
        fps: Frames per second, None if unknown.
        positions: Start of each frame in the member, and the end of the last one; empty for 'raw' and 'features'.
        extradata: The decoder's set-up (parameter sets), 'mp4' only.
    """

    settings: StoreSettings | FeatureSettings
    num_frames: int
    fps: float | None
    positions: list[int] = field(default_factory=list)
    extradata: bytes = b''


def encode(frames: Iterator[np.ndarray], recipe: Recipe) -> Iterator[bytes]:
    """Yield the bytes of a member.

    Args:
        frames: Scaled frames uint8 (H, W, 3) RGB, all of one size; for 'raw' frames (H, W, C) of any kept type. Or feature
            maps float16 (V, C, h, w).
        recipe: Settings. The function writes positions and extradata into it.
    """
    return _ENCODERS[recipe.settings.layout](frames, recipe)


def require_encoder(layout: str) -> None:
    """Refuse a layout that this installation cannot write.

    Raises:
        InputError: If PyAV comes without x264.
    """
    import av

    if layout == 'mp4' and 'libx264' not in av.codecs_available:
        raise InputError("layout='mp4': this PyAV was built without libx264; pip install av, or take layout='jpg'")


def _encode_mp4(frames: Iterator[np.ndarray], recipe: Recipe) -> Iterator[bytes]:
    """An mp4 without B-frames and with key frames at fixed places, so that packet i is frame i.

    4:2:0 needs even sides. An odd side is padded with its last row or column, which the reader crops again.
    """
    import av

    settings, buffer = recipe.settings, io.BytesIO()
    assert isinstance(settings, StoreSettings)
    first = next(frames)
    with av.open(buffer, 'w', format='mp4') as container:
        stream = container.add_stream('libx264', rate=max(1, min(1000, round(recipe.fps or 25))))
        odd = tuple((0, side % 2) for side in first.shape[:2])
        stream.height, stream.width = (side + pad for side, (_, pad) in zip(first.shape, odd))
        stream.pix_fmt = 'yuv420p'
        stream.codec_context.thread_count = 1
        stream.options = {
            'tune': 'fastdecode',
            'crf': str(settings.crf),
            'g': str(settings.gop),
            'keyint_min': str(settings.gop),
            'bf': '0',
            'sc_threshold': '0',
            # With mbtree, its default, x264 reads memory that it never wrote, so the same frames once in a while gave other
            # bytes. In GOPs this short it gains nothing either.
            'x264-params': 'mbtree=0',
        }
        for frame in chain((first,), frames):
            even = np.pad(frame, (*odd, (0, 0)), mode='edge') if any(pad for _, pad in odd) else frame
            container.mux(stream.encode(convert(av.VideoFrame.from_ndarray(even, format='rgb24'), 'yuv420p')))
        container.mux(stream.encode(None))
    _find_packets(buffer, recipe)
    yield buffer.getvalue()


def _find_packets(buffer: BinaryIO, recipe: Recipe) -> None:
    import av

    buffer.seek(0)
    end = 0
    with av.open(buffer, 'r') as container:
        stream = container.streams.video[0]
        recipe.extradata = bytes(stream.codec_context.extradata or b'')
        for packet in container.demux(stream):
            if packet.size == 0 or packet.pos is None:  # the empty packet that ends a stream
                continue
            number = len(recipe.positions)
            if (end and packet.pos != end) or packet.is_keyframe != (number % recipe.settings.gop == 0):
                raise VideoReadError('', f'packet {number} of the transcoded video is not where it should be')
            recipe.positions.append(packet.pos)
            end = packet.pos + packet.size
    recipe.positions.append(end)


def _encode_jpg(frames: Iterator[np.ndarray], recipe: Recipe) -> Iterator[bytes]:
    """Encode JPGs one after another, known to players as MJPEG."""
    assert isinstance(recipe.settings, StoreSettings)
    options = [cv2.IMWRITE_JPEG_QUALITY, recipe.settings.quality]
    position = 0
    for frame in frames:
        _, data = cv2.imencode('.jpg', cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), options)
        recipe.positions.append(position)
        position += len(data)
        yield data.tobytes()
    recipe.positions.append(position)


def _encode_raw(frames: Iterator[np.ndarray], recipe: Recipe) -> Iterator[bytes]:
    """A NumPy array (T, H, W, C) of images, or (T, V, C, h, w) of feature maps."""
    first = next(frames)
    header = io.BytesIO()
    shape = (recipe.num_frames, *first.shape)
    np.lib.format.write_array_header_1_0(header, dict(descr=first.dtype.str, fortran_order=False, shape=shape))
    assert header.tell() == NPY_HEADER
    yield header.getvalue()
    for frame in chain((first,), frames):
        yield frame.tobytes()


_ENCODERS: dict[str, Callable[[Iterator[np.ndarray], Recipe], Iterator[bytes]]] = dict(
    mp4=_encode_mp4, jpg=_encode_jpg, raw=_encode_raw, features=_encode_raw
)
