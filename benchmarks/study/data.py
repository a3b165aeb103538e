"""The clips of the study as raw stores of small frames, and the lists that its cells read."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from pathlib import Path

from mmengine.dist import is_main_process

from auxskd_mm.datasets.motion_clips import MotionClipsSettings, make_motion_clips
from auxskd_mm.datasets.packing import pack_videos
from auxskd_mm.datasets.preparation import prepare_folder
from auxskd_mm.datasets.stores import StoreSettings, is_store
from auxskd_mm.datasets.video_list import UnlabeledVideoDataset
from auxskd_mm.errors import InputError
from auxskd_mm.files import write_whole

FRAME = (64, 48)
BUDGETS = (1, 5, 20)  # labels per class; 0 stands for all
# The same scenes coded much more coarsely and with frames that depend on each other, for the shortcut check.
COARSE = dict(qp=38, gop=12)


def videos(source: str | Path) -> list[str]:
    """Paths of the videos in a folder or a store."""
    return [sample['filename'] for sample in UnlabeledVideoDataset(str(source), lazy_init=True).load_data_list()]


def pack(folder: str | Path, out: Path, **settings: object) -> Path:
    """A store of all videos below a folder, made once."""
    if not is_store(str(out)):
        print(f'packing {folder}', flush=True)
        sources = UnlabeledVideoDataset(str(folder), lazy_init=True).source_videos()
        pack_videos(out, sources, StoreSettings(**{'layout': 'raw', 'size': FRAME, **settings}))
    return out


def motion_stores(root: Path, train: int, test: int, coarse_test: bool = True) -> Path:
    """MotionClips in ``root/clips`` and their stores ``train`` and ``test`` with lists of labels, and ``test_coarse``."""
    clips, coarse, stores = root / 'clips', root / 'clips_coarse', root / 'stores'
    make_motion_clips(clips, MotionClipsSettings(train=train, val=0, test=test), progress=is_main_process())
    for name in ('train', 'test'):
        pack(clips / name, stores / name)
    if coarse_test:
        make_motion_clips(coarse, MotionClipsSettings(train=0, val=0, test=test, **COARSE))
        pack(coarse / 'test', stores / 'test_coarse')
    for name in ('train', 'test'):
        lines = (clips / f'{name}.txt').read_text().splitlines()
        write(stores / f'{name}_labels.txt', [str(stores / line) for line in lines])
    return stores


def real_stores(root: Path, tennis: str, skateboard: str) -> Path:
    """Stores of the real clips, of the tennis clips also re-encoded coarsely."""
    for folder in (tennis, skateboard):
        if not os.path.isdir(folder):
            raise InputError(f'{folder}: no such folder of clips; give --tennis and --skateboard')
    stores = root / 'stores'
    pack(tennis, stores / 'tennis')
    pack(skateboard, stores / 'skateboard')
    pack(tennis, stores / 'tennis_coarse', layout='mp4', crf=38, gop=12)
    return stores


def part_of(store: Path, out: Path, share: float, seed: int) -> Path:
    """A list of a share of a store's clips, drawn by the seed."""
    names = sorted(videos(store))
    return write(out, sorted(random.Random(seed).sample(names, round(share * len(names)))))


def scene_split(root: Path, tennis: str, table: str, seed: int) -> Path:
    """Lists of the tennis clips, no scene group on both sides, and a pool: its training clips and all skateboard clips."""
    out, stores = root / 'lists' / f'tennis{seed}', root / 'stores'
    if not (out / 'pool_store.txt').is_file():
        prepare_folder(tennis, out, table=table, test_share=0.25, seed=seed)
        for name in ('train', 'test'):
            rows = [line.rsplit(' ', 1) for line in (out / f'{name}.txt').read_text().splitlines()]
            clips = [(os.path.relpath(path, os.path.abspath(tennis)), label) for path, label in rows]
            write(out / f'{name}_labels.txt', [f'{stores / "tennis" / clip} {label}' for clip, label in clips])
            for store in ('tennis', 'tennis_coarse'):
                write(out / f'{name}_{store}.txt', [str(stores / store / clip) for clip, _ in clips])
        pool = (out / 'train_tennis.txt').read_text().splitlines() + videos(stores / 'skateboard')
        write(out / 'pool_store.txt', pool)
    return out


def write(path: Path, lines: Sequence[str]) -> Path:
    """Write a list whole or not at all."""
    return write_whole(path, '\n'.join(lines) + '\n')
