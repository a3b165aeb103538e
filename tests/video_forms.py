"""Small videos in many forms: container, codec, B-frames, groups of pictures, and what is unusual about their time stamps.

Every frame shows its number (:func:`conftest.counted_frame`). The ``ffmpeg`` program of the package imageio-ffmpeg writes
them and is the oracle of what frames they hold, in what order.
"""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import imageio_ffmpeg
import numpy as np
from conftest import counted_frame

COUNT = 40
SIZE = (64, 48)
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
X264 = '-c:v libx264 -preset veryfast -pix_fmt yuv420p -x264-params b-adapt=0:scenecut=0:keyint=12:min-keyint=12'
X265 = '-c:v libx265 -preset ultrafast -pix_fmt yuv420p -x265-params log-level=none:b-adapt=0:scenecut=0:keyint=12:min-keyint=12'
# Twice the distance between frames from the tenth on, and a gap.
UNEVEN = '-vf setpts=(N+gt(N\\,10)*(N-10)+20*gt(N\\,25))/25/TB -fps_mode passthrough -enc_time_base 1/1000'


class Form(NamedTuple):
    """A kind of file.

    Attributes:
        suffix: Of its name.
        options: Of ffmpeg, for its output.
        alter: What is done to the file afterwards.
    """

    suffix: str
    options: str
    alter: Callable[[Path], None] | None = None


def ffmpeg(*args: str, data: bytes | None = None) -> bytes:
    """Output of the ffmpeg program."""
    command = [FFMPEG, '-hide_banner', '-loglevel', 'error', '-threads', '1', '-y', *args]
    return subprocess.run(command, input=data, check=True, capture_output=True).stdout


def oracle(path: str, pixels: str = 'rgb24') -> np.ndarray:
    """All frames that ffmpeg shows, uint8 (T, H, W, 3)."""
    with av.open(path) as container:
        width, height = container.streams.video[0].width, container.streams.video[0].height
    options = f'-map 0:v:0 -fps_mode passthrough -f rawvideo -pix_fmt {pixels} -'
    return np.frombuffer(ffmpeg('-i', path, *options.split()), np.uint8).reshape(-1, height, width, 3)


def write_form(form: Form, path: Path) -> str:
    """Write a video of :data:`COUNT` counted frames in a form."""
    frames = b''.join(counted_frame(i, SIZE).tobytes() for i in range(COUNT))
    rate = '2000' if 'r2000' in form.options else '25'
    source = f'-f rawvideo -pix_fmt rgb24 -s {SIZE[0]}x{SIZE[1]} -r {rate} -i -'.split()
    options = form.options.replace('r2000', '').replace("'", '').split()
    if '-pass' in options:
        options += ['-passlogfile', str(path.with_suffix('.log'))]
        ffmpeg(*source, *options, '-pass', '1', '-f', 'null', '-', data=frames)
    ffmpeg(*source, *options, str(path), data=frames)
    if form.alter is not None:
        form.alter(path)
    return str(path)


def copy_with(before: str, after: str = '', via: str = '') -> Callable[[Path], None]:
    """Remux with options, packets as they are; ``via`` is the suffix of another container."""

    def alter(path: Path) -> None:
        other = path.with_name(f'before.{path.name}')
        path.rename(other)
        ffmpeg(*before.split(), '-i', str(other), '-c', 'copy', *after.split(), str(path))
        other.unlink()

    return alter


# An MPEG-4 frame of type P that says it is not coded: 25 ticks per second make its time 5 bits long.
EMPTY = b'\x00\x00\x01\xb6\x50\x4f'
MPEG4_FRAME = b'\x00\x00\x01\xb6'


def pack_as_divx(path: Path) -> None:
    """Put each B-frame into the packet of the frame before it in the file, and an empty packet in its place."""
    packed: list[bytes] = []
    waiting = None
    for data in read_packets(path):
        kind = mpeg4_kind(data)
        if kind == 'I':
            at = data.index(MPEG4_FRAME)
            data = data[:at] + b'\x00\x00\x01\xb2DivX503b1393p' + data[at:]
        if kind != 'B':
            if waiting is not None:
                packed.append(EMPTY)
            waiting = None
            packed.append(data)
        elif waiting is None:
            packed[-1] += data
            waiting = True
        else:
            packed.append(data)
    write_packets(path, packed + [EMPTY] * bool(waiting))


def add_empty_packets(path: Path) -> None:
    """Add packets that show no frame, as encoders do that drop frames."""
    packets = read_packets(path)
    write_packets(path, [data for i, p in enumerate(packets) for data in ([p, EMPTY] if i % 7 == 3 else [p])])


def mpeg4_kind(data: bytes) -> str:
    return 'IPBS'[data[data.index(MPEG4_FRAME) + 4] >> 6]


def read_packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def write_packets(path: Path, packets: list[bytes]) -> None:
    """Write a file's packets anew, one each 1/25 s."""
    old = path.with_name(f'before.{path.name}')
    path.rename(old)
    with av.open(str(old)) as source, av.open(str(path), 'w') as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        for i, data in enumerate(packets):
            packet = av.Packet(data)
            packet.stream, packet.time_base, packet.pts, packet.dts = stream, Fraction(1, 25), i, i
            packet.is_keyframe = mpeg4_kind(data) == 'I'
            container.mux(packet)
    old.unlink()


def cut_front(path: Path) -> None:
    """Drop the first packets of a transport stream, so that it starts inside a group of pictures."""
    data = path.read_bytes()
    packets = len(data) // 188
    path.write_bytes(data[188 * (packets // 5) :])


def join_again(offset: float) -> Callable[[Path], None]:
    """Append the file once more, with time stamps that begin at ``offset`` seconds."""

    def alter(path: Path) -> None:
        options = f'-c copy -output_ts_offset {offset} -f mpegts -'
        path.write_bytes(path.read_bytes() + ffmpeg('-i', str(path), *options.split()))

    return alter


def edit_list(*edits: tuple[int, int]) -> Callable[[Path], None]:
    """Give an MP4 other edits: (milliseconds, first frame) each. Its samples are all kept, as where a phone trims a clip."""

    def alter(path: Path) -> None:
        data = bytearray(path.read_bytes())
        # 512 units of time per frame; the first frame is shown at the old edit's media time.
        at = data.index(b'elst') - 4
        start = int.from_bytes(data[at + 20 : at + 24], 'big')
        entries = b''.join(struct.pack('>IiHH', length, start + 512 * first, 1, 0) for length, first in edits)
        size = int.from_bytes(data[at : at + 4], 'big')
        data[at : at + size] = struct.pack('>I4sII', 16 + len(entries), b'elst', 0, len(edits)) + entries
        for box in (b'edts', b'trak', b'moov'):
            place = data.index(box) - 4
            longer = int.from_bytes(data[place : place + 4], 'big') + 16 + len(entries) - size
            data[place : place + 4] = longer.to_bytes(4, 'big')
        assert data.index(b'mdat') < data.index(b'moov')  # its places in the file stay
        path.write_bytes(data)

    return alter


def cut_avi_index(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b'idx1')])


FORMS = {
    'avi mpeg4': Form('avi', '-c:v mpeg4 -q:v 3 -g 12'),
    'avi mpeg4 b2': Form('avi', '-c:v mpeg4 -q:v 3 -g 12 -bf 2'),
    'avi xvid': Form('avi', '-c:v libxvid -q:v 3 -g 12'),
    'avi xvid b1': Form('avi', '-c:v libxvid -q:v 3 -g 12 -bf 1'),
    'avi xvid b2': Form('avi', '-c:v libxvid -q:v 3 -g 12 -bf 2'),
    'avi h264': Form('avi', f'{X264}:bframes=0'),
    'avi h264 b2': Form('avi', f'{X264}:bframes=2'),
    'avi h264 b3 pyramid open': Form('avi', f'{X264}:bframes=3:b-pyramid=normal:open-gop=1'),
    'avi mjpeg': Form('avi', '-c:v mjpeg -q:v 3'),
    'avi uneven': Form('avi', f'{UNEVEN} -c:v mpeg4 -q:v 3 -g 12'),
    'avi msmpeg4v2': Form('avi', '-c:v msmpeg4v2 -q:v 3 -g 12'),
    'avi mpeg2 b2': Form('avi', '-c:v mpeg2video -q:v 3 -g 12 -bf 2'),
    'avi ffv1': Form('avi', '-c:v ffv1 -g 1'),
    'avi without index xvid b1': Form('avi', '-c:v libxvid -q:v 3 -g 12 -bf 1', cut_avi_index),
    'mkv mpeg4 b2': Form('mkv', '-c:v mpeg4 -q:v 3 -g 12 -bf 2'),
    'mkv h264 b3': Form('mkv', f'{X264}:bframes=3:b-pyramid=normal'),
    'mkv h264 open': Form('mkv', f'{X264}:bframes=3:open-gop=1'),
    'mkv h265': Form('mkv', f'{X265}:bframes=3'),
    'mkv ffv1': Form('mkv', '-c:v ffv1 -g 1'),
    'mkv mpeg2 b2': Form('mkv', '-c:v mpeg2video -q:v 3 -g 12 -bf 2'),
    'avi packed': Form('avi', '-c:v mpeg4 -q:v 3 -g 12 -bf 2', pack_as_divx),
    'avi packed b1': Form('avi', '-c:v mpeg4 -q:v 3 -g 12 -bf 1', pack_as_divx),
    'avi empty packets': Form('avi', '-c:v mpeg4 -q:v 3 -g 12', add_empty_packets),
    'mp4 empty packets': Form('mp4', '-c:v mpeg4 -q:v 3 -g 12', add_empty_packets),
    'mkv from packed': Form('mkv', '-c:v mpeg4 -q:v 3 -g 12 -bf 2 -f avi', pack_as_divx),
    'mp4 late': Form('mp4', f'{X264}:bframes=2 -output_ts_offset 10'),
    'mkv late': Form('mkv', f'{X264}:bframes=2 -output_ts_offset 10'),
    'webm vp8 hidden': Form('webm', '-c:v libvpx -g 40 -b:v 200k -auto-alt-ref 1 -lag-in-frames 25 -pass 2'),
    'nut vp9 hidden': Form(
        'nut',
        '-c:v libvpx-vp9 -g 40 -b:v 200k -auto-alt-ref 1 -lag-in-frames 25 -pass 2',
        copy_with('', '-bsf:v vp9_superframe_split'),
    ),
    # Starts at a key frame, with frames that are shown before it and refer to what is not there.
    'mkv h264 open cut': Form('mkv', f'{X264}:bframes=3:open-gop=1', copy_with('-ss 0.6')),
    'mkv h265 open cut': Form('mkv', f'{X265}:bframes=3:open-gop=1', copy_with('-ss 0.6')),
    'ts h264 open cut': Form('ts', f'{X264}:bframes=3:open-gop=1', copy_with('-ss 0.6')),
    'ts h265 open cut': Form('ts', f'{X265}:bframes=3:open-gop=1', copy_with('-ss 0.6')),
    'mp4 h265 edit list': Form('mp4', f'{X265}:bframes=3:open-gop=1', copy_with('-ss 0.6')),
    'mkv mpeg2 cut': Form('mkv', '-c:v mpeg2video -q:v 3 -g 12 -bf 2', copy_with('-ss 0.6')),
    'avi xvid cut': Form('avi', '-c:v libxvid -q:v 3 -g 12 -bf 1', copy_with('-ss 0.6')),
    'avi mpeg4 cut': Form('avi', '-c:v mpeg4 -q:v 3 -g 12 -bf 2', copy_with('-ss 0.6')),
    'mpg mpeg2 cut': Form('mpg', '-c:v mpeg2video -q:v 3 -g 12 -bf 2', copy_with('-ss 0.6')),
    'ts joined': Form('ts', f'{X264}:bframes=2 -output_ts_offset 100', join_again(1)),
    'ts joined before': Form('ts', f'{X264}:bframes=2 -output_ts_offset 10', join_again(1)),
    'ts joined gap': Form('ts', f'{X264}:bframes=2', join_again(9)),
    'mkv intra refresh': Form('mkv', f'{X264}:bframes=2:intra-refresh=1'),
    'ts intra refresh': Form('ts', f'{X264}:bframes=0:intra-refresh=1'),
    'mkv huffyuv': Form('mkv', '-c:v huffyuv'),
    'mkv from avi': Form('mkv', '-c:v libxvid -q:v 3 -g 12 -bf 2 -f avi', copy_with('-fflags +genpts')),
    'mp4 from avi': Form('mp4', '-c:v libxvid -q:v 3 -g 12 -bf 1 -f avi', copy_with('-fflags +genpts')),
    'mp4 h264 in decoding order': Form('mp4', f'{X264}:bframes=2', copy_with('', '-bsf:v setts=pts=N*512:dts=N*512')),
    'mkv h264 in decoding order': Form(
        'mkv', f'{X264}:bframes=2:open-gop=1', copy_with('', '-bsf:v setts=pts=N*40:dts=N*40')
    ),
    'mkv twice the same time': Form('mkv', f'{X264}:bframes=2', copy_with('', '-bsf:v setts=pts=floor(PTS/80)*80')),
    'mkv interlaced': Form('mkv', f'{X264}:bframes=2:interlaced=1'),
    'mkv 2000 fps': Form('mkv', f'r2000 {X264}:bframes=2'),
    'mkv uneven': Form('mkv', f'{UNEVEN} {X264}:bframes=2'),
    'ts h264 b3': Form('ts', f'{X264}:bframes=3:b-pyramid=normal'),
    'ts h264 open': Form('ts', f'{X264}:bframes=3:open-gop=1'),
    'ts h265': Form('ts', f'{X265}:bframes=3'),
    'ts mpeg2 b2': Form('ts', '-c:v mpeg2video -q:v 3 -g 12 -bf 2'),
    'ts cut': Form('ts', f'{X264}:bframes=2', cut_front),
    'ts cut mpeg2': Form('ts', '-c:v mpeg2video -q:v 3 -g 12 -bf 2', cut_front),
    'ts wrap': Form('ts', f'{X264}:bframes=2 -output_ts_offset 95442'),
    'mts h264': Form('mts', f'{X264}:bframes=2'),
    'mpg mpeg1 b2': Form('mpg', '-c:v mpeg1video -q:v 3 -g 12 -bf 2'),
    'mpg mpeg1': Form('mpg', '-c:v mpeg1video -q:v 3 -g 12'),
    'mpg mpeg2 b2': Form('mpg', '-c:v mpeg2video -q:v 3 -g 12 -bf 2'),
    'vob mpeg2 b2': Form('vob', '-c:v mpeg2video -q:v 3 -g 12 -bf 2'),
    'mp4 h264': Form('mp4', f'{X264}:bframes=0'),
    'mp4 h264 b3': Form('mp4', f'{X264}:bframes=3:b-pyramid=normal'),
    'mp4 h264 open': Form('mp4', f'{X264}:bframes=3:open-gop=1'),
    'mp4 h265 open': Form('mp4', f'{X265}:bframes=3:open-gop=1 -tag:v hvc1'),
    'mp4 mpeg4 b2': Form('mp4', '-c:v mpeg4 -q:v 3 -g 12 -bf 2'),
    'mp4 xvid': Form('mp4', '-c:v libxvid -q:v 3 -g 12'),
    'mp4 uneven': Form('mp4', f'{UNEVEN} {X264}:bframes=2'),
    'mp4 edit list': Form('mp4', f'{X264}:bframes=2', copy_with('-ss 0.6')),
    'mp4 edit list open': Form('mp4', f'{X264}:bframes=3:open-gop=1', copy_with('-ss 0.6')),
    'mp4 trimmed': Form('mp4', f'{X264}:bframes=2', edit_list((800, 3))),
    'mp4 trimmed without b': Form('mp4', f'{X264}:bframes=0', edit_list((800, 7))),
    'mp4 two edits': Form('mp4', f'{X264}:bframes=2', edit_list((400, 3), (400, 24))),
    'mp4 fragments': Form('mp4', f'{X264}:bframes=2 -movflags frag_keyframe+empty_moov'),
    'mp4 negative cts': Form('mp4', f'{X264}:bframes=2 -movflags negative_cts_offsets'),
    'mp4 av1': Form('mp4', '-c:v libsvtav1 -preset 12 -g 12 -svtav1-params log=0'),
    'mov prores': Form('mov', '-c:v prores -q:v 3'),
    'mov mjpeg': Form('mov', '-c:v mjpeg -q:v 3 -pix_fmt yuvj420p'),
    'mov h264 edit list': Form('mov', f'{X264}:bframes=2', copy_with('-ss 0.6')),
    'webm vp8': Form('webm', '-c:v libvpx -g 12 -b:v 1M -auto-alt-ref 1 -lag-in-frames 16'),
    'webm vp9': Form('webm', '-c:v libvpx-vp9 -g 12 -b:v 1M -auto-alt-ref 1 -lag-in-frames 16 -deadline realtime'),
    'webm av1': Form('webm', '-c:v libaom-av1 -cpu-used 8 -g 12 -lag-in-frames 16 -pix_fmt yuv420p'),
    'flv h264 b2': Form('flv', f'{X264}:bframes=2'),
    'flv flv1': Form('flv', '-c:v flv -q:v 3 -g 12'),
    '3gp h263': Form('3gp', '-vf scale=128:96:flags=neighbor -c:v h263 -q:v 3 -g 12'),
    '3gp h264 b2': Form('3gp', f'{X264}:bframes=2'),
    'wmv wmv2': Form('wmv', '-c:v wmv2 -q:v 3 -g 12'),
    'asf h264 b2': Form('asf', f'{X264}:bframes=2'),
    'ogv theora': Form('ogv', '-c:v libtheora -q:v 8 -g 12'),
    'raw h264 b2': Form('h264', f'{X264}:bframes=2'),
    'raw m4v b2': Form('m4v', '-c:v mpeg4 -q:v 3 -g 12 -bf 2 -f m4v'),
    'raw m2v b2': Form('m2v', '-c:v mpeg2video -q:v 3 -g 12 -bf 2 -f mpeg2video'),
    'mxf mpeg2 b2': Form('mxf', '-c:v mpeg2video -q:v 3 -g 12 -bf 2'),
    'swf flv1': Form('swf', '-c:v flv -q:v 3 -g 12'),
    'gif': Form('gif', '-vf format=gray'),
    'nut mpeg4 b2': Form('nut', '-c:v mpeg4 -q:v 3 -g 12 -bf 2'),
}
