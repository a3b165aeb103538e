"""Whether cost grows with the length of the list: start-up, time per clip, and memory of a loading process.

    python benchmarks/scale.py                       # lists of 100, 1,000, 10,000 and 100,000 entries
    python benchmarks/scale.py --entries 100 100000 --clips 4000

Entries of a list are hard links to a few MotionClips, in folders of a thousand. Entries of the store are rows of its index
that point to the same bytes. Start-up is the time until a data set knows its length. For memory, a process reads clips at
random. Memory is the growth of its resident size between a tenth of the clips and all clips.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from machine import machine
from mmengine.registry import init_default_scope

from auxskd_mm.datasets import UnlabeledVideoDataset
from auxskd_mm.datasets.motion_clips import MotionClipsSettings, make_motion_clips
from auxskd_mm.datasets.packing import pack_videos
from auxskd_mm.datasets.stores import SourceVideo, StoreSettings
from auxskd_mm.datasets.stores.index import StoreIndex
from auxskd_mm.datasets.stores.settings import INDEX_FILE, MARKER_FILE

STEPS = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(type='auxskd_mm.SegmentPaceSample', clip_len=16),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='auxskd_mm.ClipRandomCrop', size=64),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', algorithm_keys=('pace_label',), meta_keys=('filename',)),
]


def link_folder(out: Path, videos: list[str], entries: int) -> str:
    """A folder of hard links."""
    for i in range(entries):
        folder = out / f'{i // 1000:03d}'
        if i % 1000 == 0:
            folder.mkdir(parents=True)
        os.link(videos[i % len(videos)], folder / f'{i:06d}.mp4')
    return str(out)


def widen_store(out: Path, videos: list[str], entries: int) -> str:
    """Make a store whose index repeats its few videos."""
    store = pack_videos(out, [SourceVideo(path, Path(path).name) for path in videos], StoreSettings('mp4'))
    rows = np.resize(store.index.rows, entries)
    names = [f'{i // 1000:03d}/{i:06d}.mp4' for i in range(entries)]
    sources = [store.index.sources[i % len(store)] for i in range(entries)]
    data = StoreIndex(rows, names, sources, store.index.extradata).to_bytes()
    (out / INDEX_FILE).write_bytes(data)
    marker = json.loads((out / MARKER_FILE).read_text())
    (out / MARKER_FILE).write_text(json.dumps(dict(marker, videos=entries, index_checksum=zlib.crc32(data))))
    return str(out)


def list_file(out: Path, folder: str, entries: int) -> str:
    """A list of a folder's links."""
    out.write_text(''.join(f'{folder}/{i // 1000:03d}/{i:06d}.mp4 {i % 7}\n' for i in range(entries)))
    return str(out)


def resident() -> float:
    """Resident size of this process in MiB."""
    return int(Path('/proc/self/status').read_text().split('VmRSS:')[1].split()[0]) / 1024


def load(source: str, clips: int, results: multiprocessing.Queue) -> None:
    """Start up and read clips at random, in a separate process."""
    start = time.perf_counter()
    dataset = UnlabeledVideoDataset(
        source, pipeline=STEPS, list_format='path label' if source[-4:] == '.txt' else 'auto'
    )
    begun = time.perf_counter() - start
    rng = np.random.RandomState(0)
    for _ in range(clips // 10):
        dataset[int(rng.randint(len(dataset)))]
    before, start = resident(), time.process_time()
    for _ in range(clips):
        dataset[int(rng.randint(len(dataset)))]
    results.put((begun, 1000 * (time.process_time() - start) / clips, before, resident() - before))


def measure(source: str, clips: int) -> tuple[float, float, float, float]:
    """Seconds to start, milliseconds per clip, MiB before, MiB grown."""
    context = multiprocessing.get_context('fork')
    results = context.Queue()
    process = context.Process(target=load, args=(source, clips, results))
    process.start()
    found = results.get()
    process.join()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--entries', type=int, nargs='+', default=[100, 1000, 10000, 100000])
    parser.add_argument('--clips', type=int, default=2000, help='clips read of each list (default %(default)s)')
    args = parser.parse_args()
    init_default_scope('mmaction')
    # Before any fork: a child that asks OpenCV for it waits for ever on the threads of its parent.
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    print(f'{machine(("torch", "av"))}; {args.clips} clips of each list, one process, CPU time\n')
    print('| entries | source | start-up s | ms per clip | MiB resident | MiB grown |\n|---|---|---|---|---|---|')
    with tempfile.TemporaryDirectory() as folder:
        make_motion_clips(f'{folder}/clips', MotionClipsSettings(train=4, val=0, test=0))
        videos = sorted(str(path) for path in Path(folder, 'clips').rglob('*.mp4'))
        for entries in args.entries:
            links = link_folder(Path(folder, f'links{entries}'), videos, entries)
            sources: dict[str, Callable[[], str]] = {
                'folder': lambda links=links: links,
                'list': lambda links=links, n=entries: list_file(Path(folder, f'{n}.txt'), links, n),
                'store': lambda n=entries: widen_store(Path(folder, f'store{n}'), videos, n),
            }
            for name, make in sources.items():
                begun, clip_ms, before, grown = measure(make(), args.clips)
                print(f'| {entries} | {name} | {begun:.2f} | {clip_ms:.2f} | {before:.0f} | {grown:.1f} |', flush=True)


if __name__ == '__main__':
    main()
