"""Opens a path, never an address or a list, and chooses the same video stream as ffmpeg."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

# AV_DISPOSITION_DEFAULT and AV_DISPOSITION_ATTACHED_PIC of libavformat/avformat.h.
_DEFAULT, _COVER = 1, 1 << 10


def literal_path(path: str) -> str:
    """Absolute path, in which FFmpeg looks for no protocol.

    A relative one such as ``concat:a.mp4`` or ``http:x.mp4`` would name a list of files or an address.
    """
    return os.path.abspath(path)


def video_stream(container: InputContainer) -> Any:
    """The video stream of PyAV's open container that ``ffmpeg -i FILE`` takes, None if there is none.

    As in ``map_auto_video`` of fftools/ffmpeg_mux_init.c, that is the stream with the most pixels. A stream marked as
    default counts as 5 million pixels more. Of equal streams the first is taken. A cover picture is never taken.
    """
    best, most = None, -1
    for stream in container.streams.video:
        marks = int(getattr(stream, 'disposition', 0) or 0)
        context = stream.codec_context
        pixels = context.width * context.height if context is not None else 0
        # ffmpeg prefers streams of which it has seen packets; PyAV tells only what the header promises.
        score = pixels + 5_000_000 * bool(marks & _DEFAULT) + 100_000_000 * bool(stream.frames)
        if not marks & _COVER and score > most:
            best, most = stream, score
    return best


def what_else(container: InputContainer) -> str:
    """The content of a container without a video stream, for messages. '' if it is empty."""
    kinds = {'a cover picture' if stream.type == 'video' else stream.type for stream in container.streams}
    return ', '.join(sorted(kinds))


def is_repeat(packet: Packet) -> bool:
    """Whether a packet is one of Theora's without bytes, "the frame before stays", which no decoder takes.

    The ffmpeg program passes over these too. A last packet without bytes and time tells the decoder to end.
    """
    return packet.size == 0 and packet.pts is not None


def decoded(container: InputContainer, stream: VideoStream) -> Iterator[Any]:
    """Frames of a stream in the order of the decoder, from the current position of the container."""
    for packet in container.demux(stream):
        if not is_repeat(packet):
            yield from packet.decode()
