"""Index of the frames of a video file, from its packets. It decodes only where the packets do not suffice."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...errors import VideoReadError
from ...files import file_state
from .base import TOLERATED_AT_END
from .cut_off import missing_end
from .limits import MAX_PIXELS, check_pixels, container_options, playlist_kind, reason
from .stream import decoded, literal_path, video_stream, what_else

if TYPE_CHECKING:
    from av import Packet
    from av.container import InputContainer
    from av.video.stream import VideoStream

# Version of the frame numbering. Raise it with every change that gives a file's frames other numbers.
NUMBERING = 2
# AVFMT_FLAG_GENPTS of libavformat/avformat.h, which PyAV sets without asking.
_INVENT_TIME_STAMPS = 1
# AV_CODEC_FLAG_UNALIGNED of libavcodec/avcodec.h. Without it a decoder cuts off fewer columns at the left than the file says.
_CROP_EXACTLY = 1
# AVFMT_TS_DISCONT of libavformat/avformat.h.
_JUMPS_ALLOWED = 0x0200
# MAX_NVOP_SIZE of libavcodec/mpeg4videodec.c: an MPEG-4 packet that shows no new frame is no larger.
_LARGEST_EMPTY = 19
# Time stamps are rounded, to milliseconds in Matroska, and the last frame's duration is not among them.
_SAME_RATE = 0.05
# H.264 and H.265 move no frame further from its place in the file.
_MOST_REORDERED = 16
# More packets than there can be frames shown before the first key frame and after it in the file.
_START = 24
# A packet that is cut off is among the last ones: parsers hold some back.
_LAST = 4
_MPEG4_FRAME = b'\x00\x00\x01\xb6'


@dataclass
class FrameIndex:
    """Number, rate and time stamps of the frames of a file.

    Attributes:
        num_frames: Number of frames.
        fps: Frames per second, None if unknown.
        order: Time stamps of the frames in the order in which they are shown. None where packets have no time stamps or
            share one. Frames are then counted from the start.
        keys: Time stamps of the key frames, ascending.
        doubtful: The time stamps follow the order of the packets, and the codec may show frames in another order. The
            time stamps may then be right, or they may be decoding times in the wrong field.
        simple: Each key frame starts a closed group, every packet shows one frame, and the first frame has time 0.
            Other libraries can find frames of such a file by number.
        time_base: Seconds per unit of the time stamps, None if unknown.
        may_jump: Whether the container allows joined recordings with different clocks, as transport streams do.
        positions: Byte position in the file of each packet in ``keys``, -1 where it is unknown.
        counted: Why the frames are counted from the start, in words. '' if the time stamps give their numbers.
    """

    num_frames: int
    fps: float | None
    order: Sequence[int] | np.ndarray | None
    keys: Sequence[int] | np.ndarray
    doubtful: bool
    simple: bool
    time_base: float | None = None
    may_jump: bool = False
    positions: Sequence[int] | np.ndarray = ()
    counted: str = ''


class _Packet(NamedTuple):
    pts: int | None
    key: bool
    discard: bool
    corrupt: bool
    position: int | None


def open_container(path: str, max_pixels: int = MAX_PIXELS, **options: str) -> Any:
    """PyAV's container of a file with a video stream that it can decode, with one thread.

    Args:
        path: Path of a regular file. No other file is opened, even if this one refers to others.
        max_pixels: Largest number of pixels per frame.
        options: Further options of FFmpeg's demuxer.

    Raises:
        VideoReadError: If it is not such a file.
    """
    import av

    try:
        container = av.open(literal_path(path), **container_options(max_pixels, **options))
    except (av.error.FFmpegError, OSError) as error:
        kind = playlist_kind(path)
        if kind:
            raise VideoReadError(path, f'is {kind}, which names other files; give the videos themselves') from None
        raise VideoReadError(path, f'cannot be opened as a video ({reason(error)})') from None
    # Invented time stamps follow the order of the packets, which with B-frames is not that of the frames.
    container.flags = container.flags & ~_INVENT_TIME_STAMPS
    stream = video_stream(container)
    if stream is None:
        others = what_else(container)
        container.close()
        raise VideoReadError(path, f'holds no video stream (only {others})' if others else 'holds no frames')
    context = stream.codec_context
    if context is None:
        container.close()
        raise VideoReadError(path, 'has a codec that this PyAV has no decoder for; convert it, for instance to H.264')
    try:
        check_pixels(path, (context.width, context.height), max_pixels)
    except VideoReadError:
        container.close()
        raise
    context.options = {'max_pixels': str(max_pixels)}  # for sizes that change later
    # More threads cost more CPU time for short clips, and the loader's workers already use every core.
    context.thread_count = 1
    context.flags = context.flags | _CROP_EXACTLY
    return container


def index_frames(path: str, container: InputContainer, max_pixels: int = MAX_PIXELS) -> FrameIndex:
    """Index of a file.

    Args:
        path: Path of the file.
        container: The file, newly opened by :func:`open_container`. It is read to its end.
        max_pixels: See :func:`open_container`. The file is opened again where its packets do not suffice.

    Raises:
        VideoReadError: If the file is damaged or shows no frames.
    """
    stream = video_stream(container)
    packets, sure = _packets(path, container, max_pixels)
    shown = [packet for packet in packets if not packet.discard]
    if not shown:
        raise VideoReadError(path, 'holds no frames')
    pts = [packet.pts for packet in shown if packet.pts is not None]
    counted = _why_counted(pts, len(shown))
    order = None if counted else sorted(pts)
    count = len(shown)
    # Frames before the first key frame, or shown before it, refer to what is not there.
    whole = packets[0].key and (
        _start_is_whole(path, *file_state(path), max_pixels)
        if order is None
        else packets[0].pts is None or packets[0].pts <= order[0]
    )
    if not sure or not whole:
        count, order = _decode(path, order if sure else None, max_pixels)
        counted = '' if order is not None else counted or 'its time stamps are not those of its frames'
    keys = sorted((p.pts, -1 if p.position is None else p.position) for p in shown if p.key and p.pts is not None)
    doubtful = order == pts and bool(stream.codec_context.has_b_frames)
    whole = order is not None and order[0] == 0 and count == len(packets) and not doubtful
    return FrameIndex(
        num_frames=count,
        fps=_frame_rate(stream, order),
        order=order,
        keys=[pts for pts, _ in keys],
        doubtful=doubtful,
        simple=whole and _groups_are_closed(packets, order or []),
        time_base=float(stream.time_base) if stream.time_base else None,
        may_jump=bool(container.format.flags & _JUMPS_ALLOWED),
        positions=[position for _, position in keys],
        counted=counted,
    )


def _why_counted(pts: list[int], shown: int) -> str:
    """Why the time stamps of packets do not give the numbers of the frames, in words. '' if they do.

    Args:
        pts: Time stamps of the packets that have one.
        shown: Number of packets that show a frame.
    """
    if len(pts) < shown:
        return 'it has no time stamps' if not pts else f'{shown - len(pts)} of its {shown} frames have no time stamp'
    moved = np.argsort(np.asarray(pts), kind='stable') - np.arange(len(pts))
    if np.abs(moved).max() > _MOST_REORDERED:
        return 'its time stamps go backwards'  # joined files, whose times start again
    return '' if len(set(pts)) == len(pts) else 'several of its frames have one time stamp'


def _packets(path: str, container: InputContainer, max_pixels: int) -> tuple[list[_Packet], bool]:
    """All packets that show a frame, and whether it is certain that each of them shows one."""
    import av

    stream = video_stream(container)
    codec = stream.codec_context.name
    packets: list[_Packet] = []
    surplus = empty = 0
    places: list[int] = []
    most = os.path.getsize(path)
    try:
        for packet in container.demux(stream):
            if packet.size == 0 or (codec in ('vp8', 'vp9') and _is_hidden(codec, packet)):
                continue
            key = packet.is_keyframe
            position = packet.pos if key else -1  # of the others nobody asks
            packets.append(_Packet(packet.pts, key, packet.is_discard, packet.is_corrupt, position))
            if packet.dts is not None:
                places.append(packet.dts)
            if len(packets) > most:
                raise VideoReadError(path, f'tells of more frames than it has bytes ({most})')
            if codec == 'mpeg4':
                surplus += bytes(packet).count(_MPEG4_FRAME) - 1
                empty += packet.size <= _LARGEST_EMPTY
    except av.error.FFmpegError as error:
        raise VideoReadError(path, f'is damaged or truncated ({reason(error)})') from None
    dropped = _dropped_frames(places) if container.format.name == 'avi' else 0
    least = stream.frames - TOLERATED_AT_END - dropped
    if len(packets) < least and _samples(path, container, max_pixels) < least:
        raise VideoReadError(
            path, f'is truncated: its header promises {stream.frames} frames, the file holds {len(packets)}'
        )
    missing = missing_end(path, container.format.name)
    # Broadcasts lose packets here and there, also near the end.
    if not missing and container.format.name != 'mpegts' and any(packet.corrupt for packet in packets[-_LAST:]):
        missing = 'its last packet is not whole'
    if missing:
        raise VideoReadError(path, f'is cut off after {len(packets)} frames: {missing}; copy or download it again')
    if surplus > 0:
        # DivX packs two frames into a packet and adds an empty one. None of them has the time stamp of its frame.
        packets = [packet._replace(pts=None) for packet in packets]
    return packets, surplus == empty


def _samples(path: str, container: InputContainer, max_pixels: int) -> int:
    """Number of packets of an MP4, also those that its edit list leaves out, as where a phone has trimmed a clip. 0 for
    other containers, which have none.
    """
    if 'mp4' not in container.format.name.split(','):
        return 0
    whole = open_container(path, max_pixels, ignore_editlist='1')
    try:
        return sum(packet.size > 0 for packet in whole.demux(video_stream(whole)))
    finally:
        whole.close()


def _dropped_frames(places: list[int]) -> int:
    """Number of frames that an AVI counts, but leaves out because the frame before stays. ``places`` are the decoding
    time stamps of its packets.

    Its time stamps count all frames. At the end it can have left out as many as anywhere else.
    """
    if len(places) < 2:
        return 0
    distances = np.diff(places)
    return int(places[-1] - places[0] + 1 - len(places) + max(distances.max() - 1, 0))


def _is_hidden(codec: str, packet: Packet) -> bool:
    """Whether a packet of VP8 (RFC 6386, 9.1) or VP9 (its specification, 6.2 and annex B) shows no frame."""
    data = memoryview(packet)
    if codec == 'vp8':
        return not data[0] & 0x10
    is_superframe = data[-1] & 0xE0 == 0xC0
    shows_existing, shows = data[0] & 0x08, data[0] & 0x02
    return not (is_superframe or shows_existing or shows)


def _frame_rate(stream: VideoStream, order: list[int] | None) -> float | None:
    """Average frames per second: the value of the container, unless the frames' own times give another rate.

    Some containers state a nominal rate for frames at uneven distances. Others state none.
    """
    stated = float(stream.average_rate) if stream.average_rate else None
    if order is None or len(order) < 2 or not stream.time_base:
        return stated
    distances = np.diff(np.asarray(order, dtype=np.float64)) * float(stream.time_base)
    # A gap, as where files were joined, changes the average and not the distance of most frames.
    average, most = 1 / float(np.mean(distances)), 1 / float(np.median(distances))
    fits = stated is not None and any(abs(stated / rate - 1) < _SAME_RATE for rate in (average, most))
    return stated if fits else average


def _groups_are_closed(packets: list[_Packet], order: list[int]) -> bool:
    """Whether exactly the frames before each key frame in the file are shown before that key frame."""
    latest = None
    for i, packet in enumerate(packets):
        if packet.pts is None or (
            packet.key and (order[i] != packet.pts or (latest is not None and latest > packet.pts))
        ):
            return False
        latest = packet.pts if latest is None else max(latest, packet.pts)
    return True


def _decode(path: str, order: list[int] | None, max_pixels: int) -> tuple[int, list[int] | None]:
    """Number and order of the frames by decoding. With a known order, it decodes only up to the first frame shown."""
    if order is not None:
        first = _decoded_times(path, *file_state(path), max_pixels, True)
        if first and first[0] is not None:
            order = [time for time in order if time >= first[0]]
            return len(order), order
    times = _decoded_times(path, *file_state(path), max_pixels, False)
    if not times:
        raise VideoReadError(path, 'holds no frames that can be decoded')
    known = [time for time in times if time is not None]
    ascending = len(known) == len(times) and all(a < b for a, b in zip(known, known[1:]))
    return len(times), known if ascending else None


@lru_cache(maxsize=4096)
def _start_is_whole(path: str, size: int, mtime: int, max_pixels: int) -> bool:
    """Whether each of the first packets shows a frame. This is for files whose time stamps do not tell."""
    import av

    container = open_container(path, max_pixels)
    fed = shown = 0
    try:
        for packet in container.demux(video_stream(container)):
            if fed < _START and packet.size:
                fed += 1
                shown += len(packet.decode())
            elif not packet.size or fed >= _START:
                break
        shown += len(video_stream(container).codec_context.decode(None))
    except av.error.FFmpegError:
        return False
    finally:
        container.close()
    return fed == shown


@lru_cache(maxsize=4096)
def _decoded_times(path: str, size: int, mtime: int, max_pixels: int, first_only: bool) -> tuple[int | None, ...]:
    """Time stamps of the frames as they are decoded."""
    import av

    container = open_container(path, max_pixels)
    times: list[int | None] = []
    try:
        for frame in decoded(container, video_stream(container)):
            times.append(frame.pts)
            if first_only:
                break
    except av.error.FFmpegError as error:
        raise VideoReadError(path, f'cannot be decoded after frame {len(times)} ({reason(error)})') from None
    finally:
        container.close()
    return tuple(times)
