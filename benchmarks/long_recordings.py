"""Clips out of a two-hour recording: near its start and near its end, with the kept index and without it.

    python benchmarks/long_recordings.py                     # makes its own files in a temporary folder (1.3 GB)
    python benchmarks/long_recordings.py --keep /tmp/long    # and keeps them for the next run

The recording is H.264 at 1280x720 and 30 frames per second, with B-frames and 250 frames from one key frame to the next. It is
one encoded minute, repeated without encoding it again. So frame i of it must equal frame i modulo a minute of that piece, decoded
in order, and each clip that is read is compared with these frames. "Without the index" is the same clip by
:class:`PyAVReader` on the whole file, which reads every packet to number the frames, as each draw did before. The bytes are
those of the process's read calls (``rchar`` of /proc/self/io). Both ways take turns in one run.

The memory of a worker is measured over many draws from several two-hour files of 128x96 pixels, so that their number and not the
size of a frame decides.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
import torch
from machine import machine
from mmengine.registry import init_default_scope

from auxskd_mm.datasets import UnlabeledVideoDataset
from auxskd_mm.datasets.readers import PyAVReader, open_reader
from auxskd_mm.datasets.recordings.index_file import kept_index, remember_folder

FPS, MINUTE = 30, 1800
SPAN = 64  # a clip of 16 frames at every fourth one
LAST = 300  # seconds that count as near the start or the end


class Cost(NamedTuple):
    """Cost of a clip: CPU and clock milliseconds, and bytes read."""

    cpu: float
    clock: float
    read: float


def write_piece(path: Path, size: tuple[int, int], bit_rate: int) -> None:
    """Write a minute of a picture that moves over a textured plane."""
    width, height = size
    rng = np.random.default_rng(0)
    plane = cv2.resize(
        rng.integers(0, 256, (90, 160, 3), np.uint8), (2 * width, 2 * height), interpolation=cv2.INTER_CUBIC
    )
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('libx264', rate=FPS)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = width, height, 'yuv420p', bit_rate
        stream.codec_context.thread_count = 1
        stream.options = {'preset': 'ultrafast', 'bf': '2', 'g': '250', 'sc_threshold': '0'}
        for i in range(MINUTE):
            x, y = (
                round(side * (0.5 + 0.45 * np.sin(2 * np.pi * i * turns / MINUTE))) for side, turns in zip(size, (3, 5))
            )
            frame = np.ascontiguousarray(plane[y : y + height, x : x + width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format='rgb24')))
        container.mux(stream.encode(None))


def repeat(piece: Path, path: Path, times: int) -> None:
    """Write a file of a piece's packets, repeated with later time stamps. Nothing is encoded."""
    with av.open(str(piece)) as source, av.open(str(path), 'w') as container:
        template = source.streams.video[0]
        stream = container.add_stream_from_template(template)
        base = template.time_base
        assert base is not None
        packets = [(bytes(p), p.pts, p.dts, p.duration, p.is_keyframe) for p in source.demux(template) if p.size]
        length = round(Fraction(MINUTE, FPS) / base)
        for turn in range(times):
            for data, pts, dts, duration, key in packets:
                packet = av.Packet(data)
                packet.stream, packet.time_base, packet.is_keyframe = stream, base, key
                assert pts is not None
                assert dts is not None
                packet.pts, packet.dts, packet.duration = pts + turn * length, dts + turn * length, duration
                container.mux(packet)


def recording(folder: Path, name: str, size: tuple[int, int], bit_rate: int, minutes: int) -> tuple[Path, Path]:
    """The piece and the long file, made if they are not there."""
    piece, path = folder / f'{name}_piece.mp4', folder / f'{name}_{minutes}.mp4'
    if not piece.exists():
        write_piece(piece, size, bit_rate)
    if not path.exists():
        repeat(piece, path, minutes)
    return piece, path


def bytes_read() -> int:
    """Bytes that this process has read so far."""
    return int(Path('/proc/self/io').read_text().split()[1])


def memory() -> tuple[float, float]:
    """Resident and anonymous memory of this process in MB."""
    rows = dict(line.split(':', 1) for line in Path('/proc/self/status').read_text().splitlines())
    return tuple(int(rows[key].split()[0]) / 1024 for key in ('VmRSS', 'RssAnon'))  # type: ignore[return-value]


def cost_of(read: Callable[[float], None], starts: list[float]) -> Cost:
    """Mean cost of a clip over some starts."""
    cpu, clock, before = time.process_time(), time.perf_counter(), bytes_read()
    for start in starts:
        read(start)
    spent = (1000 * (time.process_time() - cpu), 1000 * (time.perf_counter() - clock), bytes_read() - before)
    return Cost(*(value / len(starts) for value in spent))


def measure_draws(path: Path, piece: Path, minutes: int, draws: int, without: int) -> None:
    """Print the cost of clips near the start and near the end, with the index and without it."""
    remember_folder(str(path.parent))
    before, start = bytes_read(), time.perf_counter()
    kept_index(str(path))
    made = f'made in {time.perf_counter() - start:.1f} s from {(bytes_read() - before) / 1e6:.0f} MB read'
    (index,) = path.parent.glob(f'.frame_index/{path.name}-*.idx')
    print(f'{path.stat().st_size / 1e9:.2f} GB, {minutes} minutes; index {index.stat().st_size / 1e6:.1f} MB, {made}')

    whole = PyAVReader(str(piece))
    true = {i: frame for i, frame in enumerate(whole.stream()) if i % 4 == 0}
    whole.close()

    def check(start: float, frames: list[np.ndarray]) -> None:
        first = round(start * FPS)
        wanted = [true[(first + 4 * i) % MINUTE] for i in range(16)]
        assert all((a == b).all() for a, b in zip(frames, wanted)), f'wrong frames at {start} s'

    def with_index(start: float) -> None:
        reader = open_reader(f'{path}#t={start:.6f},{start + SPAN / FPS:.6f}')
        frames = reader.read(range(0, SPAN, 4))
        reader.close()
        check(start, frames)

    def without_index(start: float) -> None:
        reader, first = PyAVReader(str(path)), round(start * FPS)
        frames = reader.read(range(first, first + SPAN, 4))
        reader.close()
        check(start, frames)

    rng = np.random.default_rng(1)
    # Starts on every fourth frame, of which the true ones are kept, at the same phases near the start and near the end.
    phases = (4 * rng.integers(0, LAST * FPS // 4 - SPAN, draws) / FPS).tolist()
    offset = 60.0 * minutes - LAST
    near = dict(start=phases, end=[offset + phase for phase in phases])
    costs = {}
    with_index(near['start'][0])  # opens the file, whose table of packets is read once
    for way, read, count in (('with the index', with_index, draws), ('without it', without_index, without)):
        for place, starts in near.items():
            costs[way, place] = cost = cost_of(read, starts[:count])
            print(
                f'{way}, near the {place}: {cost.cpu:.0f} ms CPU, {cost.clock:.0f} ms, {cost.read / 1e6:.2f} MB per clip '
                f'({count} clips)',
                flush=True,
            )
        one, other = costs[way, 'end'], costs[way, 'start']
        print(f'{way}: end over start {one.cpu / other.cpu:.2f} (CPU), {one.read / other.read:.2f} (bytes)', flush=True)


def measure_memory(paths: list[Path], draws: int) -> None:
    """Print the memory of this process over draws from long files, as a loader's worker has them."""
    init_default_scope('mmaction')
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    list_file = paths[0].parent / 'memory.txt'
    list_file.write_text(''.join(f'{path}\n' for path in paths))
    steps = [
        dict(type='auxskd_mm.OpenVideo'),
        dict(type='auxskd_mm.SegmentPaceSample', clip_len=8, mode='fit'),
        dict(type='auxskd_mm.DecodeClips'),
        dict(type='FormatShape', input_format='NCTHW'),
        dict(type='PackActionInputs'),
    ]
    dataset = UnlabeledVideoDataset(str(list_file), pipeline=steps, window=10.0, stride=5.0)
    rng, start = np.random.default_rng(2), time.process_time()
    print(f'{len(dataset)} windows of {len(paths)} files')
    for done in range(1, draws + 1):
        dataset[int(rng.integers(len(dataset)))]
        if done in {1, 100, 1000} or done % max(draws // 5, 1) == 0:
            resident, anonymous = memory()
            print(f'after {done} draws: {resident:.0f} MB resident, {anonymous:.0f} MB of it its own', flush=True)
    print(f'{1000 * (time.process_time() - start) / draws:.1f} ms CPU per draw')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--keep', help='folder of the files, which stay; default: a temporary one')
    parser.add_argument('--minutes', type=int, default=120, help='length of the recordings (default %(default)s)')
    parser.add_argument('--draws', type=int, default=30, help='clips at each end with the index (default %(default)s)')
    parser.add_argument('--without', type=int, default=2, help='clips at each end without it (default %(default)s)')
    parser.add_argument('--memory-draws', type=int, default=10_000, help='draws for the memory (default %(default)s)')
    parser.add_argument('--files', type=int, default=10, help='long files for the memory (default %(default)s)')
    args = parser.parse_args()
    init_default_scope('mmaction')
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(args.keep or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        print(machine(('av', 'numpy', 'torch')))
        piece, path = recording(folder, '720p', (1280, 720), 1_200_000, args.minutes)
        measure_draws(path, piece, args.minutes, args.draws, args.without)
        small, first = recording(folder, 'small', (128, 96), 60_000, args.minutes)
        paths = [first, *(folder / f'small_{args.minutes}_{i}.mp4' for i in range(1, args.files))]
        for other in paths[1:]:
            if not other.exists():
                repeat(small, other, args.minutes)
        # A fresh process, which holds nothing of the first part.
        worker = multiprocessing.get_context('spawn').Process(target=measure_memory, args=(paths, args.memory_draws))
        worker.start()
        worker.join()


if __name__ == '__main__':
    main()
