"""Pack videos into a training store, which is read several times as fast as the videos.

    python tools/data/pack_videos.py data/kinetics100/train data/k100_store
    python tools/data/pack_videos.py data/k100.list data/k100_store --data-prefix data/train --layout jpg

The tool prints the size of each layout and then packs. After an interruption, run it again and it continues. On a whole
store it packs only changed videos. A config reads the store with ``source='data/k100_store'``. A list of the same names
reads it with ``data_prefix='data/k100_store'``. ``--check`` reads a store back and compares it with its checksums and its
sources. If the files of a store contradict each other, such as by a position outside its shards, that is an error.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import ToolParser, light_module, start


def parse_args() -> argparse.Namespace:
    parser = ToolParser(
        __doc__, 'python tools/data/pack_videos.py data/kinetics100/train data/k100_store --size 171 128'
    )
    stores = light_module('auxskd_mm.datasets.stores.settings')
    default = stores.StoreSettings()
    parser.add_argument('source', nargs='*', help='folders, globs or list files; not with --check')
    parser.add_argument('out', help='folder of the store')
    parser.add_argument('--data-prefix', default='', help='folder that the names in a list are relative to')
    parser.add_argument('--list-format', default='auto', help="columns of a list, e.g. 'path label'")
    parser.add_argument('--delimiter', help='column separator of a list; default is white space')
    parser.add_argument('--suffix', default='', help='appended to the names of a list')
    parser.add_argument('--layout', choices=stores.LAYOUTS, default=default.layout, help='default %(default)s')
    parser.add_argument('--short-side', type=int, default=default.short_side, help='of the frames; default %(default)s')
    parser.add_argument('--size', type=int, nargs=2, metavar=('WIDTH', 'HEIGHT'), help='instead, whatever the aspect')
    parser.add_argument('--crf', type=int, default=default.crf, help='mp4: lower is better; default %(default)s')
    parser.add_argument('--gop', type=int, default=default.gop, help='mp4: key frame distance; default %(default)s')
    parser.add_argument('--quality', type=int, default=default.quality, help='jpg: 1 to 100; default %(default)s')
    parser.add_argument('--workers', type=int, help='processes; default is one a core')
    parser.add_argument('--max-bad-share', type=float, default=0.1, help='most videos that may be unreadable')
    parser.add_argument('--estimate-only', action='store_true', help='print what each layout comes to and stop')
    parser.add_argument('--no-estimate', action='store_true', help='pack at once')
    parser.add_argument(
        '--check', action='store_true', help='check a store; exit code 3 if it is not as it was written'
    )
    args = parser.parse_args()
    if args.check == bool(args.source):
        parser.error('give the videos and then the folder of the store, or --check and the store alone')
    return args


def check(path: str) -> None:
    """Compare a store with its checksums and sources."""
    from auxskd_mm.datasets.stores import open_store, unreadable_videos

    store = open_store(path)
    damaged = sorted({*store.damaged_videos(), *unreadable_videos(store)})
    changed = store.changed_sources()
    for word, names in (('damaged', damaged), ('its source has changed', changed)):
        for name in names[:20]:
            print(f'{word}: {name}')
    print(f'{path}: {len(store)} videos, {len(damaged)} damaged, {len(changed)} sources changed')
    sys.exit(3 if damaged or changed else 0)


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.datasets.packing import pack_videos
    from auxskd_mm.datasets.packing.estimate import estimate_layouts, estimate_table
    from auxskd_mm.datasets.packing.pack import default_workers
    from auxskd_mm.datasets.stores import StoreSettings
    from auxskd_mm.datasets.video_list import UnlabeledVideoDataset

    if args.check:
        return check(args.out)
    workers = default_workers() if args.workers is None else args.workers
    settings = StoreSettings(
        args.layout, args.short_side, tuple(args.size) if args.size else None, args.gop, args.crf, args.quality
    ).check()
    dataset = UnlabeledVideoDataset(
        args.source,
        args.data_prefix,
        list_format=args.list_format,
        delimiter=args.delimiter,
        suffix=args.suffix,
        lazy_init=True,
    )
    videos = dataset.source_videos()
    if not args.no_estimate or args.estimate_only:
        print(f'{len(videos)} videos, estimated from a few of them with {workers} process(es):', flush=True)
        print(estimate_table(estimate_layouts(videos, settings, workers=workers), args.layout), flush=True)
        if args.estimate_only:
            return
    store = pack_videos(
        args.out, videos, settings, workers=workers, max_bad_share=args.max_bad_share, progress=sys.stderr
    )
    for path, reason in store.left_out[:20]:
        print(f'left out: {path}: {reason}')
    size = sum(map(os.path.getsize, store.shards))
    print(f'{args.out}: {len(store)} videos, {len(store.left_out)} left out, {size / 1e9:.3f} GB, layout {args.layout}')


if __name__ == '__main__':
    start(parse_args, main)
