"""CPU and wall time to decode videos of 240p and 1080p by each backend that can be used here, NVDEC included on a GPU.

    python benchmarks/decoding.py

Each backend opens a video of H.264 with x264's defaults (10 s of noise that moves, 30 fps). It reads 16 neighbouring
frames in the middle, and all frames in order. The backends take turns in every round. Without CUDA, 'torchcodec_cuda'
is left out.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import av
import cv2
import numpy as np
import torch
from machine import machine, table

from auxskd_mm.datasets.readers import READERS, open_reader

SIZES = {'240p': (320, 240), '1080p': (1920, 1080)}


def write(path: str, size: tuple[int, int], frames: int) -> str:
    """A picture of smooth noise that moves diagonally."""
    width, height = size
    noise = np.random.RandomState(0).randint(0, 256, (18, 32, 3), np.uint8)
    picture = np.tile(cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC), (2, 2, 1))
    with av.open(path, 'w') as container:
        stream = container.add_stream('libx264', rate=30)
        stream.width, stream.height, stream.pix_fmt = width, height, 'yuv420p'
        for i in range(frames):
            top, left = 3 * i % height, 5 * i % width
            part = np.ascontiguousarray(picture[top : top + height, left : left + width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(part, format='rgb24')))
        container.mux(stream.encode(None))
    return path


def read(path: str, backend: str, whole: bool) -> None:
    """One clip, or all frames."""
    reader = open_reader(path, backend=backend)
    if whole:
        for _ in reader.stream():
            pass
    else:
        reader.read(range(reader.num_frames // 2, reader.num_frames // 2 + 16))
    reader.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--frames', type=int, default=300, help='of each video (default %(default)s)')
    parser.add_argument('--rounds', type=int, default=5, help='measurements of each (default %(default)s)')
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    missing = {name: reader.missing() for name, reader in READERS.items()}
    usable = [name for name in missing if not missing[name]]
    print(machine(('torch', 'av', 'decord', 'torchcodec', 'opencv-python')))
    for name in missing:
        if missing[name]:
            print(f'left out: {name}: {missing[name]}')
    with tempfile.TemporaryDirectory() as folder:
        for label, size in SIZES.items():
            path = write(str(Path(folder, f'{label}.mp4')), size, args.frames)
            for whole, what in ((False, '16 frames'), (True, f'{args.frames} frames in order')):
                cpu: dict[str, list[float]] = {name: [] for name in usable}
                wall: dict[str, list[float]] = {name: [] for name in usable}
                for turn in range(args.rounds + 1):  # the first one warms up
                    for name in usable:
                        start = time.process_time(), time.perf_counter()
                        read(path, name, whole)
                        if turn:
                            cpu[name].append(1000 * (time.process_time() - start[0]))
                            wall[name].append(1000 * (time.perf_counter() - start[1]))
                print(f'\n{label}, {what}, CPU time\n\n{table(cpu, "ms", "pyav", "speed over PyAV")}')
                print(f'\n{label}, {what}, wall time\n\n{table(wall, "ms", "pyav", "speed over PyAV")}')


if __name__ == '__main__':
    main()
