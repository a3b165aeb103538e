"""CPU time on one core until a 16-frame clip is ready for the model, by ways of loading the same videos.

    python benchmarks/loader.py                                  # MotionClips, made in a temporary folder
    python benchmarks/loader.py --videos FOLDER --keep /tmp/sets # your clips; the forms made of them are kept

Every way loads the same list with the same sampler (VSPP's) and returns a uint8 clip 3 x 16 x 112 x 112. The ways take turns
in every round of one run. "jitter on the device" means :class:`BatchColorJitter`; step.py measures its cost. The original
jitters each frame as a PIL image. The plain MMAction2 pipeline is the issue's list, with decord and with PyAV.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from clip_sets import STORE_SIZE, ClipSets
from machine import machine, table
from mmengine.registry import init_default_scope
from PIL import Image
from torchvision.transforms import ColorJitter, RandomApply

from auxskd_mm.datasets import UnlabeledVideoDataset
from auxskd_mm.datasets.readers import READERS
from auxskd_mm.datasets.transforms import SegmentPaceSample

CLIP = 16
STRENGTH: dict[str, Any] = dict(brightness=0.8, contrast=0.8, saturation=0.8, hue=0.2)
PACK = dict(type='PackActionInputs', algorithm_keys=('pace_label', 'segment_label'), meta_keys=('filename',))
ORIGINAL = 'JPG frames, PIL jitter (the original)'
PLAIN = 'mp4, plain MMAction2 pipeline'


def ours(
    paths: list[str],
    target: tuple[int, int] | None = None,
    jitter: bool = False,
    repeat: int = 1,
    backend: str = 'pyav',
) -> Any:
    """Data set of our pipeline, as in the configs."""
    steps = [
        dict(type='auxskd_mm.OpenVideo', target=target, backend=backend),
        dict(type='auxskd_mm.SegmentPaceSample', clip_len=CLIP),
        dict(type='auxskd_mm.DecodeClips'),
        dict(type='Resize', scale=STORE_SIZE, keep_ratio=False),
        dict(type='auxskd_mm.ClipRandomCrop', size=112),
        dict(type='Flip', flip_ratio=0.5),
        *([dict(type='auxskd_mm.ClipColorJitter', **STRENGTH, p=0.8)] if jitter else []),
        dict(type='FormatShape', input_format='NCTHW'),
        PACK,
    ]
    dataset = UnlabeledVideoDataset('.', pipeline=steps, repeat=repeat, lazy_init=True)
    dataset.load_data_list = lambda: [dict(filename=path) for path in paths]  # type: ignore[method-assign]
    dataset.full_init()
    return dataset


def plain(paths: list[str], decoder: str) -> Callable[[int], Any]:
    """A plain MMAction2 pipeline over the videos."""
    from mmengine.dataset import Compose

    steps = Compose(
        [
            dict(type=f'{decoder}Init', **(dict(num_threads=1) if decoder == 'Decord' else {})),
            dict(type='SampleFrames', clip_len=CLIP, frame_interval=1, num_clips=1),
            dict(type=f'{decoder}Decode'),
            dict(type='Resize', scale=STORE_SIZE, keep_ratio=False),
            dict(type='RandomCrop', size=112),
            dict(type='Flip', flip_ratio=0.5),
            dict(type='ColorJitter', hue=0),  # its hue shift overflows with NumPy 2; leaving it out is to its favour
            dict(type='FormatShape', input_format='NCTHW'),
            dict(type='PackActionInputs'),
        ]
    )
    return lambda i: steps(dict(filename=paths[i], start_index=0, modality='RGB', label=0))


def original(folders: list[str], length: int) -> Callable[[int], Any]:
    """The original loader of auxSKD and VSPP @ 79e99b8, rebuilt: OpenCV reads and resizes, PIL jitters each frame."""
    sample, jitter = SegmentPaceSample(clip_len=CLIP), RandomApply([ColorJitter(**STRENGTH)], p=0.8)

    def load(i: int) -> torch.Tensor:
        indices = sample.transform(dict(total_frames=length))['frame_inds']
        images = [cv2.resize(cv2.imread(f'{folders[i]}/{k:05d}.jpg'), STORE_SIZE) for k in indices]
        top, left = (int(np.random.randint(0, side - 112 + 1)) for side in (STORE_SIZE[1], STORE_SIZE[0]))
        flip = np.random.rand() < 0.5
        clip = []
        for image in images:
            image = image[top : top + 112, left : left + 112]
            image = jitter(Image.fromarray(np.ascontiguousarray(image[:, ::-1] if flip else image)))
            clip.append(np.asarray(image))
        return torch.from_numpy(np.stack(clip)).permute(3, 0, 1, 2)

    return load


def ways(sets: ClipSets, frames: int) -> dict[str, Callable[[int], Any]]:
    """Return {name: function that loads the clip(s) of video i}. A function that loads several has ``clips``."""
    folders, sources = sets.frame_folders(), sets.sources
    stores = {layout: sets.stored(layout) for layout in ('mp4', 'jpg', 'raw')}
    grouped = ours(sources, repeat=4)
    todo: dict[str, Callable[[int], Any]] = {
        ORIGINAL: original(folders, frames),
        f'{PLAIN}, decord': plain(sources, 'Decord'),
        f'{PLAIN}, PyAV': plain(sources, 'PyAV'),
        'mp4, ours, jitter in the loader': ours(sources, jitter=True).__getitem__,
        'mp4, ours': ours(sources).__getitem__,
        **{
            f'mp4, ours, {name}': ours(sources, backend=name).__getitem__
            for name, reader in READERS.items()
            if name != 'pyav' and not reader.missing()
        },
        'mp4, ours, clips_per_decode=4': lambda i: grouped.__getitems__([i + k * len(sources) for k in range(4)]),
        'JPG frames, ours': ours(folders).__getitem__,
        'JPG frames, ours, reduced reading': ours(folders, target=STORE_SIZE).__getitem__,
        'mp4 store, jitter in the loader': ours(stores['mp4'], jitter=True).__getitem__,
    }
    for layout, paths in stores.items():
        todo[f'{layout} store ({sets.megabytes(paths):.0f} MB)'] = ours(paths).__getitem__
    return todo


def measure(todo: dict[str, Callable[[int], Any]], count: int, rounds: int) -> dict[str, list[float]]:
    """{name: CPU milliseconds per clip, one value per round}; the first round warms up and is left out."""
    times: dict[str, list[float]] = {name: [] for name in todo}
    for turn in range(rounds + 1):
        for name, load in todo.items():
            np.random.seed(turn)
            start, clips = time.process_time(), 0
            for i in range(count):
                loaded = load(i)
                clips += len(loaded) if isinstance(loaded, list) else 1
            if turn:
                times[name].append(1000 * (time.process_time() - start) / clips)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--videos', help='folder of clips; default: MotionClips')
    parser.add_argument('--keep', help='folder to make the forms in and to keep them; default: a temporary one')
    parser.add_argument('--count', type=int, default=16, help='videos (default %(default)s)')
    parser.add_argument('--frames', type=int, default=300, help='frames of a video (default %(default)s)')
    parser.add_argument('--rounds', type=int, default=9, help='measurements of each way (default %(default)s)')
    args = parser.parse_args()
    init_default_scope('mmaction')
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        sets = ClipSets(Path(args.keep or folder), args.videos, args.count, args.frames)
        times = measure(ways(sets, args.frames), args.count, args.rounds)
    print(machine(('torch', 'opencv-python', 'av', 'decord', 'torchcodec', 'pillow', 'mmaction2')))
    what = 'clips of --videos' if args.videos else 'MotionClips'
    print(f'{args.count} videos ({what}) of {args.frames} frames 320x240; {args.rounds} rounds, one core, CPU time\n')
    print(table(times, 'ms per clip', ORIGINAL, 'speed over the original'))
    for decoder in ('decord', 'PyAV'):
        base = float(np.median(times[f'{PLAIN}, {decoder}']))
        ratios = [f'{name} {base / np.median(times[name]):.2f}' for name in times if name.startswith('mp4, ours')]
        print(f'\nover the plain MMAction2 pipeline with {decoder}: {"; ".join(ratios)}')


if __name__ == '__main__':
    main()
