"""Colour jitter of a clip, one thread: our two ways beside torchvision's on PIL images and on float tensors.

    python benchmarks/jitter.py

All ways take turns in every round of one run, so a busy machine slows them equally. Times are milliseconds per clip:
median and range over the rounds, with the random draws. Every way gets uint8 frames and the original's settings:
brightness, contrast and saturation 0.8, hue 0.2, p 0.8, and separate draws per frame. PIL and ``jitter_frames`` return
uint8. The other ways return float32.
"""

from __future__ import annotations

import argparse
import platform
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL
import torch
import torchvision
from PIL import Image
from torchvision.transforms import ColorJitter, RandomApply

from auxskd_mm.functional.jitter_params import draw_jitter, draw_jitter_batch, jitter_settings
from auxskd_mm.functional.photometric import jitter_clips
from auxskd_mm.functional.photometric_cv import jitter_frames
from auxskd_mm.models.data_preprocessors import BatchColorJitter

STRENGTH: dict[str, Any] = dict(brightness=0.8, contrast=0.8, saturation=0.8, hue=0.2)
SETTINGS = jitter_settings(**STRENGTH, p=0.8)


def ways(clips: np.ndarray) -> dict[str, Callable[[], object]]:
    """{name: jitter all clips once}; ``clips`` is uint8 (B, T, H, W, 3)."""
    torchvision_jitter = RandomApply([ColorJitter(**STRENGTH)], p=0.8)
    on_cpu = BatchColorJitter(**STRENGTH, p=0.8)
    count, clip_len = clips.shape[:2]
    frames = list(clips.reshape(-1, *clips.shape[2:]))
    batch = torch.from_numpy(clips).permute(0, 4, 1, 2, 3).contiguous()  # as the loader hands it to the model

    def of_tensor(frame: np.ndarray) -> torch.Tensor:
        return torchvision_jitter(torch.from_numpy(frame).permute(2, 0, 1).float().div_(255))

    return {
        'torchvision, PIL, frame by frame (the original)': lambda: [
            np.asarray(torchvision_jitter(Image.fromarray(frame))) for frame in frames
        ],
        'torchvision, float tensor, frame by frame': lambda: [of_tensor(frame) for frame in frames],
        'ours, OpenCV, `jitter_frames` (loader)': lambda: jitter_frames(frames, draw_jitter(SETTINGS, count, clip_len)),
        'ours, tensor, `jitter_clips` (made for a GPU)': lambda: jitter_clips(
            batch, draw_jitter_batch(SETTINGS, (count, clip_len))
        ),
        'ours, `BatchColorJitter` on the CPU (OpenCV)': lambda: on_cpu(batch),
    }


def measure(clips: np.ndarray, rounds: int) -> dict[str, np.ndarray]:
    """{name: milliseconds per clip, one value per round}."""
    todo = ways(clips)
    times: dict[str, list[float]] = {name: [] for name in todo}
    for i in range(rounds + 1):
        for name, jitter in todo.items():
            start = time.perf_counter()
            jitter()
            if i:  # the first round warms up
                times[name].append(1000 * (time.perf_counter() - start) / len(clips))
    return {name: np.array(values) for name, values in times.items()}


def machine() -> str:
    """One line: processor and the versions that matter."""
    info = Path('/proc/cpuinfo')
    found = re.search(r'model name\s*: (.*)', info.read_text()) if info.exists() else None
    return (
        f'{found[1] if found else platform.machine()}, one thread; Python {platform.python_version()}, '
        f'torch {torch.__version__}, torchvision {torchvision.__version__}, Pillow {PIL.__version__}, '
        f'OpenCV {cv2.__version__}, NumPy {np.__version__}'
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--clips', type=int, default=4, help='clips jittered in one go (default %(default)s)')
    parser.add_argument('--clip-len', type=int, default=16, help='frames in a clip (default %(default)s)')
    parser.add_argument('--size', type=int, default=112, help='height and width (default %(default)s)')
    parser.add_argument('--rounds', type=int, default=31, help='measurements of each way (default %(default)s)')
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    np.random.seed(0)
    torch.manual_seed(0)
    # Smooth rather than noise: how fast a conversion branches depends on its neighbouring pixels.
    coarse = np.random.randint(0, 256, (args.clips * args.clip_len, 7, 7, 3), dtype=np.uint8)
    frames = np.stack([cv2.resize(image, (args.size, args.size), interpolation=cv2.INTER_CUBIC) for image in coarse])
    times = measure(frames.reshape(args.clips, args.clip_len, *frames.shape[1:]), args.rounds)
    base = np.median(next(iter(times.values())))
    print(f'{args.clip_len} frames of {args.size}x{args.size}, {args.clips} clips a call, {args.rounds} rounds')
    print(f'{machine()}\n')
    print('| way | ms per clip, median (range) | speed over PIL |\n|---|---|---|')
    for name, values in times.items():
        middle = np.median(values)
        print(f'| {name} | {middle:.2f} ({values.min():.2f}-{values.max():.2f}) | {base / middle:.1f}x |')


if __name__ == '__main__':
    main()
