"""Write the lists of a folder of labelled videos (class/video.mp4, or a CSV), no group of them on both sides."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import ToolParser, add_overwrite, add_windows, start

if TYPE_CHECKING:
    from auxskd_mm.datasets.preparation.group_split import Clip


def parse_args() -> argparse.Namespace:
    parser = ToolParser(__doc__, 'python tools/data/prepare_folder.py my_videos lists --test-share 0.2')
    parser.add_argument('folder', help='folder with one sub-folder per class, or that the paths of --table start from')
    parser.add_argument('out', help='folder for train.txt, test.txt, val.txt, pool.txt, groups.csv and classes.txt')
    parser.add_argument(
        '--table', help='CSV with the columns path,label or class,file; optionally group, and split (train, val, test)'
    )
    parser.add_argument(
        '--group-pattern', help=r"regular expression on the path, its bracket is the group, e.g. '_g(\d+)_'"
    )
    parser.add_argument('--encoding', default='utf-8-sig', help="of --table, e.g. 'cp1252' from an older spreadsheet")
    parser.add_argument('--test-share', type=float, default=0.25, help='share of the clips to hold out')
    parser.add_argument('--val-share', type=float, default=0.0, help='share of the clips to hold out for validation')
    parser.add_argument('--seed', type=int, default=0, help='which split')
    parser.add_argument('--pool', nargs='*', default=[], help='further folders whose videos join pool.txt, unlabelled')
    parser.add_argument('--delimiter', default=' ', help='between path and label (default: a blank)')
    add_windows(parser)
    parser.add_argument(
        '--compare',
        type=int,
        default=1000,
        metavar='CLIPS',
        help='clips to look at for test clips that look like training clips; 0 for none',
    )
    parser.add_argument(
        '--frame-rates',
        type=int,
        default=200,
        metavar='CLIPS',
        help='clips whose frame rate to read, without decoding, to name the fps of the samplers; 0 for none',
    )
    add_overwrite(parser)
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.datasets.preparation import prepare_folder
    from auxskd_mm.datasets.video_list import UnlabeledVideoDataset
    from auxskd_mm.launch.outputs import check_outputs

    names = [*(f'{name}.txt' for name in ('train', 'test', 'val', 'pool', 'classes')), 'groups.csv']
    check_outputs(args, [Path(args.out, name) for name in names], [args.table])
    pool = [
        os.path.abspath(info['filename'])
        for source in args.pool
        for info in UnlabeledVideoDataset(source, lazy_init=True).load_data_list()
    ]
    parts = prepare_folder(
        args.folder,
        args.out,
        table=args.table,
        encoding=args.encoding,
        group_pattern=args.group_pattern,
        test_share=args.test_share,
        val_share=args.val_share,
        seed=args.seed,
        pool=pool,
        delimiter=args.delimiter,
        window=args.window,
        stride=args.stride,
        split_at_cuts=args.split_at_cuts,
    )
    sizes = [f'{name} {len(clips)} clips of {len({c.group for c in clips})} groups' for name, clips in parts.items()]
    every = [clip for clips in parts.values() for clip in clips]
    groups = {clip.group for clip in every}
    if len(groups) == len(every):
        sizes = [f'{name} {len(clips)} clips' for name, clips in parts.items()]
    recordings = {name: [_recording(clip) for clip in clips] for name, clips in parts.items()}
    different = list(dict.fromkeys(clip for clips in recordings.values() for clip in clips))
    if len(groups) == len(different):
        report_no_groups(recordings, different, args)
    if args.frame_rates > 0:
        report_frame_rates(pool + [clip.path for clip in every], args.frame_rates)
    with open(Path(args.out, 'pool.txt'), 'rb') as file:
        print(', '.join(sizes) + f', pool {sum(1 for _ in file)} -> {args.out}')
    if args.compare > 0:
        report_near_duplicates(parts, args.compare)


def _recording(clip: Clip) -> Clip:
    """The recording of a window, and any other clip itself."""
    from auxskd_mm.datasets.recordings.names import without_window

    return clip._replace(path=without_window(clip.path))


def report_no_groups(parts: dict[str, list[Clip]], clips: list[Clip], args: argparse.Namespace) -> None:
    """Say that clips of one person or scene may be on both sides, and by which pattern in the names they would not."""
    from auxskd_mm.datasets.preparation.group_guess import guess_groups

    given = (
        f"--group-pattern '{args.group_pattern}' finds no two clips of one group"
        if args.group_pattern
        else 'no groups given'
    )
    print(
        f'{given}: clips of one person, scene or recording may be in both train and test, which makes any test look good'
    )
    for guess in guess_groups(clips, args.folder):
        train, test = ({guess.group_of[clip.path] for clip in parts[name]} for name in ('train', 'test'))
        groups = sorted(set(guess.group_of.values()))
        shown = ', '.join(groups[:3]) + ' ...' * (len(groups) > 3)
        print(
            f'  the names suggest {len(groups)} groups ({shown}), {len(train & test)} of them '
            f'on both sides now: --group-pattern {shlex.quote(guess.pattern)}'
        )


def report_frame_rates(paths: list[str], most: int) -> None:
    """Say which frame rates there are, and which fps the samplers should have."""
    from auxskd_mm.datasets.preparation.frame_rates import describe_rates, read_frame_rates, spread_of

    for line in describe_rates(spread_of(read_frame_rates(paths, most))):
        print(line)


def report_near_duplicates(parts: dict[str, list[Clip]], most: int) -> None:
    """Name test clips that look like training clips."""
    from auxskd_mm.datasets.preparation.near_duplicates import near_duplicates

    found = near_duplicates([clip.path for clip in parts['train']], [clip.path for clip in parts['test']], most)
    if found.pairs:
        print(
            f'{len(found.pairs)} of {found.looked_at} test clips looked at are nearly the same as a training clip, such as '
            f'{found.pairs[0][0]} and {found.pairs[0][1]}: are they of one recording? Then give them one group '
            '(--group-pattern, or a column group in --table)'
        )


if __name__ == '__main__':
    start(parse_args, main)
