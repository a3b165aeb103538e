"""Share of a training epoch spent waiting for data, with the r21d config on this machine.

    python benchmarks/end_to_end.py                          # a store of MotionClips, 12 iterations of batch 4
    python benchmarks/end_to_end.py --layout none            # the source videos instead
    python benchmarks/end_to_end.py --batch 30 --iterations 200 --workers 8

The benchmark trains with MMEngine's Runner, as tools/train.py does. In the first iteration the training waits until the
workers have started and filled their queue. In a real epoch this is one iteration in a thousand, so it is listed apart.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from clip_sets import ClipSets
from machine import machine
from mmengine.runner import Runner

from auxskd_mm.apis import build_runner, load_config
from auxskd_mm.datasets.stores import LAYOUTS

CONFIG = Path(__file__).parents[1] / 'configs' / 'vspp_r21d_k100_improved.py'


def parse_args(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--config', default=str(CONFIG))
    parser.add_argument('--videos', help='folder of clips; default: MotionClips')
    parser.add_argument('--keep', help='folder to make the forms in and to keep them; default: a temporary one')
    parser.add_argument(
        '--layout', choices=[*LAYOUTS, 'none'], default='mp4', help='of the store (default %(default)s)'
    )
    parser.add_argument('--batch', type=int, default=4, help='default %(default)s')
    parser.add_argument('--iterations', type=int, default=12, help='default %(default)s')
    parser.add_argument('--workers', type=int, default=1, help='loader processes (default %(default)s)')
    parser.add_argument('--threads', type=int, help="threads of the training; default: torch's")
    parser.add_argument('--count', type=int, default=16, help='videos (default %(default)s)')
    parser.add_argument('--channels-last', action='store_true', help='weights in channels_last_3d')
    return parser.parse_args(words)


def runner_of(
    args: argparse.Namespace,
    source: list[str] | str,
    videos: int,
    work_dir: str,
    overrides: Mapping[str, Any] | None = None,
) -> Runner:
    """Build the Runner of the config over the clips, for one epoch with this number of iterations."""
    config = load_config(args.config, dict(overrides or {}))
    config.work_dir = work_dir
    config.train_cfg.max_epochs = 1
    loader = config.train_dataloader
    loader.update(batch_size=args.batch, num_workers=args.workers, persistent_workers=args.workers > 0, drop_last=True)
    loader.dataset.update(source=source, data_prefix='', repeat=-(-args.iterations * args.batch // videos))
    for key in ('val_dataloader', 'val_evaluator', 'val_cfg', 'test_dataloader', 'test_evaluator', 'test_cfg'):
        config.pop(key, None)
    config.default_hooks.checkpoint = dict(type='CheckpointHook', interval=-1)
    config.param_scheduler = None
    if args.channels_last:
        config.custom_hooks = [*config.custom_hooks, dict(type='auxskd_mm.FastStepHook')]
    config.log_level = 'ERROR'
    return build_runner(config)


class Epoch(NamedTuple):
    """Seconds of each iteration, and those of it that were spent waiting for data."""

    times: np.ndarray
    waits: np.ndarray

    @property
    def share(self) -> float:
        """Share of the time spent waiting, without the first iteration."""
        return float(self.waits[1:].sum() / self.times[1:].sum())


def measure(args: argparse.Namespace, overrides: Mapping[str, Any] | None = None) -> Epoch:
    """Train the epoch.

    Args:
        args: Arguments of this script.
        overrides: Overrides of the config.
    """
    with tempfile.TemporaryDirectory() as folder:
        sets = ClipSets(Path(args.keep or folder), args.videos, args.count, frames=150)
        if args.layout == 'none':
            source = str(Path(sets.sources[0]).parent)
        else:
            sets.stored(args.layout)
            source = str(sets.out / f'store_{args.layout}')
        runner = runner_of(args, source, len(sets.sources), folder, overrides)
        runner.train()
        scalars = runner.message_hub.log_scalars
        times, waits = (np.array(scalars[f'train/{key}'].data[0]) for key in ('time', 'data_time'))
    return Epoch(times, waits)


def main() -> None:
    args = parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    times, waits = epoch = measure(args)
    print(f'{machine(("torch", "mmengine", "av"))}; {torch.get_num_threads()} thread(s), {args.workers} worker(s)')
    print(
        f'{Path(args.config).stem}, batch {args.batch}, {len(times)} iterations from '
        f'{"source mp4" if args.layout == "none" else args.layout + " store"}\n'
    )
    print('| ms per iteration, median (range) | ms of it waiting, median (range) | clips/s | first wait ms | waiting |')
    print('|---|---|---|---|---|')
    columns = [
        f'{1000 * np.median(values[1:]):.1f} ({1000 * values[1:].min():.1f}-{1000 * values[1:].max():.1f})'
        for values in (times, waits)
    ]
    clips = args.batch / np.median(times[1:])
    print(f'| {columns[0]} | {columns[1]} | {clips:.2f} | {1000 * waits[0]:.0f} | {100 * epoch.share:.2f}% |')


if __name__ == '__main__':
    main()
