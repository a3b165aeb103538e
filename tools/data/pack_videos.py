"""Pack videos into a training store, which is read several times as fast as the videos.

    python tools/data/pack_videos.py data/kinetics100/train data/k100_store
    python tools/data/pack_videos.py data/k100.list data/k100_store --data-prefix data/train --layout jpg
    python tools/data/pack_videos.py data/clips data/clip_features --layout features --trunk configs/examples/trunk_lite0.py

The tool tries a few of the videos. It prints the size of each layout, and how long 16 frames take from it and from the
videos by each decoder. It says which way is best for a number of epochs. Then it packs. After an interruption, run it
again and it continues. On a whole store it packs only changed videos. A config reads the store with
``source='data/k100_store'``. A list of the same names reads it with ``data_prefix='data/k100_store'``. ``--check``
reads a store back and compares it with its checksums and its sources. If the files of a store contradict each other,
such as by a position outside its shards, that is an error.

With ``--layout features`` the store holds the feature maps of a frozen image network, in several variants of crop, mirror
image and colours (configs/examples/vspp_features_small.py trains on them).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import ToolParser, add_windows, light_module, refuse_options, start

if TYPE_CHECKING:
    from auxskd_mm.datasets.stores import SourceVideo, Store


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
    add_windows(parser)
    parser.add_argument(
        '--layout', choices=(*stores.LAYOUTS, 'features'), default=default.layout, help='default %(default)s'
    )
    images = parser.add_argument_group('layouts mp4, jpg and raw')
    images.add_argument('--short-side', type=int, default=default.short_side, help='of the frames; default %(default)s')
    images.add_argument('--size', type=int, nargs=2, metavar=('WIDTH', 'HEIGHT'), help='instead, whatever the aspect')
    images.add_argument('--crf', type=int, default=default.crf, help='mp4: lower is better; default %(default)s')
    images.add_argument('--gop', type=int, default=default.gop, help='mp4: key frame distance; default %(default)s')
    images.add_argument('--quality', type=int, default=default.quality, help='jpg: 1 to 100; default %(default)s')
    features = parser.add_argument_group('layout features')
    features.add_argument('--trunk', metavar='CONFIG', help='its model.backbone, test pipeline and data preprocessor')
    features.add_argument('--stage', type=int, help="out index of the trunk; default is the config's")
    features.add_argument('--grid', type=int, nargs='+', metavar='N', help='rows (and columns) to average the maps to')
    features.add_argument(
        '--variants', type=int, default=1, help='maps per frame; 0 is the plain one; default %(default)s'
    )
    features.add_argument('--no-flip', action='store_true', help='mirror no variant; default is every second one')
    features.add_argument(
        '--crop', type=float, default=1.0, help='smallest side of crops as a share; default %(default)s'
    )
    features.add_argument(
        '--jitter',
        type=float,
        nargs=4,
        default=(0.0, 0.0, 0.0, 0.0),
        metavar='X',
        help='strength of brightness, contrast, saturation, hue; default none',
    )
    features.add_argument('--device', default='cpu', help='that the trunk runs on; default %(default)s')
    parser.add_argument('--workers', type=int, help='processes; default is one per core')
    parser.add_argument('--max-bad-share', type=float, default=0.1, help='most videos that may be unreadable')
    parser.add_argument(
        '--estimate-only', action='store_true', help='print what each layout and each decoder comes to and stop'
    )
    parser.add_argument(
        '--epochs', type=int, default=200, help='of one clip per video, for the advice; default %(default)s'
    )
    parser.add_argument('--no-estimate', action='store_true', help='pack at once')
    parser.add_argument(
        '--check', action='store_true', help='check a store; exit code 3 if it is not as it was written'
    )
    args = parser.parse_args()
    if args.check == bool(args.source):
        parser.error('give the videos and then the folder of the store, or --check and the store alone')
    if args.check:
        for action in parser._actions:
            given = action.option_strings and getattr(args, action.dest, None) != action.default
            if given and action.dest not in ('check', 'help'):
                parser.error(f'{action.option_strings[0]}: has no effect with --check; leave it out')
    if not args.check and (args.layout == 'features') != (args.trunk is not None):
        parser.error('--layout features and --trunk CONFIG belong together')
    if args.layout == 'features':
        refuse_options(parser, images, args, '--layout mp4, jpg or raw')
    elif not args.check:
        refuse_options(parser, features, args, '--layout features')
    if args.grid is not None and (len(args.grid) > 2 or min(args.grid) < 1):
        parser.error(
            f'--grid {" ".join(map(str, args.grid))}: expected 1 or 2 whole numbers from 1, rows (and columns)'
        )
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
    from auxskd_mm.datasets.video_list import UnlabeledVideoDataset
    from auxskd_mm.files import size_text

    if args.check:
        return check(args.out)
    dataset = UnlabeledVideoDataset(
        args.source,
        args.data_prefix,
        list_format=args.list_format,
        delimiter=args.delimiter,
        suffix=args.suffix,
        window=args.window,
        stride=args.stride,
        split_at_cuts=args.split_at_cuts,
        lazy_init=True,
    )
    videos = dataset.source_videos()
    store = pack_maps(args, videos) if args.layout == 'features' else pack_images(args, videos)
    if store is None:
        return
    for path, reason in store.left_out[:20]:
        print(f'left out: {path}: {reason}')
    size = sum(map(os.path.getsize, store.shards))
    print(f'{args.out}: {len(store)} videos, {len(store.left_out)} left out, {size_text(size)}, layout {args.layout}')


def pack_images(args: argparse.Namespace, videos: Sequence[SourceVideo]) -> Store | None:
    """Pack into a store of images. None after an estimate alone."""
    from auxskd_mm.datasets.packing import pack_videos
    from auxskd_mm.datasets.packing.estimate import (
        advice,
        estimate_layouts,
        estimate_table,
        estimate_videos,
        free_gigabytes,
        not_measured,
    )
    from auxskd_mm.datasets.packing.pack import default_workers
    from auxskd_mm.datasets.stores import StoreSettings

    workers = default_workers() if args.workers is None else args.workers
    settings = StoreSettings(
        args.layout, args.short_side, tuple(args.size) if args.size else None, args.gop, args.crf, args.quality
    ).check()
    if not args.no_estimate or args.estimate_only:
        print(f'{len(videos)} videos, estimated from a few of them with {workers} process(es):', flush=True)
        ways = [*estimate_videos(videos, settings), *estimate_layouts(videos, settings, workers=workers)]
        print('\n'.join([estimate_table(ways, args.layout), *not_measured()]), flush=True)
        print(advice(ways, args.epochs * len(videos), workers, free_gigabytes(args.out)), flush=True)
        if args.estimate_only:
            return None
    return pack_videos(
        args.out, videos, settings, workers=workers, max_bad_share=args.max_bad_share, progress=sys.stderr
    )


def pack_maps(args: argparse.Namespace, videos: Sequence[SourceVideo]) -> Store | None:
    """Pack into a store of feature maps. None after an estimate alone."""
    from auxskd_mm.apis.feature_trunk import TrunkSpec
    from auxskd_mm.apis.pack_features import pack_features

    grid = None if args.grid is None else (args.grid[0], args.grid[-1])
    return pack_features(
        args.out,
        videos,
        TrunkSpec(args.trunk, args.stage, grid, args.device),
        variants=args.variants,
        flip=not args.no_flip,
        crop=args.crop,
        jitter=args.jitter,
        workers=args.workers,
        max_bad_share=args.max_bad_share,
        progress=sys.stderr,
        screen=None if args.no_estimate and not args.estimate_only else sys.stdout,
        estimate_only=args.estimate_only,
    )


if __name__ == '__main__':
    start(parse_args, main)
