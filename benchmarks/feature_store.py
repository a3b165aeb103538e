"""Clips per second of VSPP training on stored features, and end to end with the frozen trunk under the same module.

    python benchmarks/feature_store.py                       # MotionClips, 8 x 160 x 160, EfficientNet-lite0
    python benchmarks/feature_store.py --iterations 30 --batch 16 --keep /tmp/clips

Both trainings run in this process, one after the other, with MMEngine's Runner as tools/train.py has it. The loader is
measured alone, too. The first iterations of a training wait for its workers and are left out.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import machine
from mmengine.config import Config

from auxskd_mm.apis import build_runner, load_config
from auxskd_mm.apis.feature_trunk import TrunkSpec
from auxskd_mm.apis.pack_features import pack_features
from auxskd_mm.datasets.motion_clips import MotionClipsSettings, make_motion_clips
from auxskd_mm.datasets.video_list import UnlabeledVideoDataset
from auxskd_mm.registry import DATASETS

EXAMPLES = Path(__file__).parents[1] / 'configs' / 'examples'
_LEFT_OUT = 2


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--trunk', default=str(EXAMPLES / 'trunk_lite0.py'))
    parser.add_argument('--features', default=str(EXAMPLES / 'vspp_features_small.py'))
    parser.add_argument('--videos-config', default=str(EXAMPLES / 'vspp_trunk_small.py'))
    parser.add_argument('--keep', help='folder for clips and store, which are kept; default: a temporary one')
    parser.add_argument('--count', type=int, default=20, help='clips of 48 frames, 320 x 240 (default %(default)s)')
    parser.add_argument('--frames', type=int, default=8, help='frames per training clip (default %(default)s)')
    parser.add_argument('--variants', type=int, default=2, help='default %(default)s')
    parser.add_argument('--batch', type=int, default=8, help='default %(default)s')
    parser.add_argument('--iterations', type=int, default=8, help='end to end; ten times as many on the store')
    parser.add_argument('--workers', type=int, default=1, help='loader processes (default %(default)s)')
    return parser.parse_args()


def prepared(path: str, source: str, videos: int, args: argparse.Namespace, iterations: int) -> Config:
    """A config for one epoch of this many iterations."""
    config = load_config(path)
    loader = config.train_dataloader
    loader.update(batch_size=args.batch, num_workers=args.workers, persistent_workers=args.workers > 0)
    loader.dataset.update(source=source, repeat=-(-iterations * args.batch // videos))
    for step in loader.dataset.pipeline:
        if 'clip_len' in step:
            step.clip_len = args.frames
    for key in ('test_dataloader', 'test_evaluator', 'test_cfg'):
        config.pop(key, None)
    config.train_cfg.max_epochs = 1
    config.default_hooks.checkpoint = dict(type='CheckpointHook', interval=-1)
    config.param_scheduler = None
    config.log_level = 'ERROR'
    return config


def training_rate(config: Config, work_dir: str) -> float:
    """Clips per second of a training, from the median iteration."""
    config.work_dir = work_dir
    runner = build_runner(config)
    runner.train()
    times = np.array(runner.message_hub.log_scalars['train/time'].data[0])[_LEFT_OUT:]
    return config.train_dataloader.batch_size / float(np.median(times))


def loading_rate(config: Config, seconds: float = 2.0) -> float:
    """Samples per second of the data set in this process."""
    dataset: Any = DATASETS.build(config.train_dataloader.dataset)
    dataset[0]
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        dataset[count % len(dataset)]
        count += 1
    return count / (time.perf_counter() - start)


def main() -> None:
    args = parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(args.keep or temporary)
        clips = MotionClipsSettings(train=-(-args.count // 10), val=0, test=0, width=320, height=240, frames=48)
        make_motion_clips(str(folder / 'clips'), clips)
        videos = UnlabeledVideoDataset(str(folder / 'clips' / 'train'), lazy_init=True).source_videos()
        start = time.perf_counter()
        # Packed by one process; a store in --keep is taken as it is.
        store = pack_features(folder / 'store', videos, TrunkSpec(args.trunk), variants=args.variants, crop=0.7)
        packing = time.perf_counter() - start
        assert store is not None
        rows = []
        for name, path, source, iterations in (
            ('end to end', args.videos_config, folder / 'clips' / 'train', args.iterations),
            ('store of features', args.features, folder / 'store', 10 * args.iterations),
        ):
            config = prepared(path, str(source), len(videos), args, iterations)
            rows.append((name, training_rate(config, f'{temporary}/{iterations}'), loading_rate(config)))
        size = sum(Path(shard).stat().st_size for shard in store.shards)
    frames = int(store.index.rows['frames'].sum())
    print(f'{machine(("torch", "mmengine", "timm"))}; {torch.get_num_threads()} thread(s), {args.workers} worker(s)')
    print(
        f'{store.settings.describe()}; {len(videos)} clips with {frames} frames, {size / 1e6:.1f} MB, packed in '  # type: ignore[union-attr]
        f'{packing:.0f} s; batch {args.batch}, {args.frames} frames\n'
    )
    print('| training | clips/s | loader alone, clips/s | times as fast |')
    print('|---|---|---|---|')
    for name, rate, loading in rows:
        print(f'| {name} | {rate:.1f} | {loading:.0f} | {rate / rows[0][1]:.1f} |')


if __name__ == '__main__':
    main()
