"""Write the lists of Kinetics-100 from a local Kinetics-400.

They hold the 100 smallest class folders (RSPNet's rule), or the videos that a list names, such as auxSKD's k100.list.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import ToolParser, add_overwrite, refuse_options, start


def parse_args() -> argparse.Namespace:
    parser = ToolParser(
        __doc__,
        'python tools/data/prepare_kinetics100.py data/kinetics400/train data/kinetics100 --val data/kinetics400/val',
    )
    parser.add_argument('train', help='folder of the training videos, one sub-folder per class')
    parser.add_argument('out', help='folder for train.txt, val.txt, classes.txt, and sizes.csv or missing.txt')
    parser.add_argument('--val', help='folder of the validation videos, of which the same classes are listed')
    parser.add_argument('--list', help="take the videos of this list ('class/video' or 'class/video num_frames')")
    listed = parser.add_argument_group('with --list')
    listed.add_argument('--list-format', default='auto', help="columns of --list, e.g. 'path num_frames'")
    listed.add_argument(
        '--max-missing-share', type=float, default=0.1, help='share of the list that may be gone, as online videos do'
    )
    parser.add_argument('--classes', type=int, default=100, help='how many of the smallest classes, without --list')
    parser.add_argument('--delimiter', default=' ', help='between path and label (default: a blank)')
    add_overwrite(parser)
    args = parser.parse_args()
    if not args.list:
        refuse_options(parser, listed, args, '--list')
    elif args.classes != parser.get_default('classes'):
        parser.error('--classes: has no effect with --list, whose classes are taken; leave out one of them')
    return args


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.datasets.preparation import prepare_kinetics100_by_size, prepare_kinetics100_from_list
    from auxskd_mm.launch.outputs import check_outputs

    names = ['train.txt', 'val.txt', 'classes.txt', 'sizes.csv', 'missing.txt']
    check_outputs(args, [Path(args.out, name) for name in names], [args.list])
    if args.list:
        counts = prepare_kinetics100_from_list(
            args.train,
            args.list,
            args.out,
            val=args.val,
            list_format=args.list_format,
            max_missing_share=args.max_missing_share,
            delimiter=args.delimiter,
        )
    else:
        counts = prepare_kinetics100_by_size(
            args.train, args.val, args.out, count=args.classes, delimiter=args.delimiter
        )
    print(', '.join(f'{name} {count}' for name, count in counts.items()) + f' -> {args.out}')


if __name__ == '__main__':
    start(parse_args, main)
