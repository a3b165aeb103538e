"""Write the lists of HMDB51's three official splits.

Get the videos (hmdb51_org.rar, with one archive per class inside) and the splits (test_train_splits.rar) from the data
set's page, unpack all, then: tools/data/prepare_hmdb51.py data/hmdb51/videos data/hmdb51/testTrainMulti_7030_splits
data/hmdb51
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import ToolParser, add_overwrite, start


def parse_args() -> argparse.Namespace:
    parser = ToolParser(
        __doc__,
        'python tools/data/prepare_hmdb51.py data/hmdb51/videos data/hmdb51/testTrainMulti_7030_splits data/hmdb51',
    )
    parser.add_argument('videos', help='folder of the videos or of their frame folders, one sub-folder per class')
    parser.add_argument('annotations', help='folder of <class>_test_split<n>.txt')
    parser.add_argument('out', help='folder for {train,test,fit,val}_split{1,2,3}.txt and classes.txt')
    parser.add_argument(
        '--held', type=int, default=400, help='training videos to hold out as val; 0 writes no fit, val'
    )
    parser.add_argument('--seed', type=int, default=0, help='which videos are held out')
    add_overwrite(parser)
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.datasets.preparation import prepare_hmdb51
    from auxskd_mm.datasets.preparation.split_lists import SPLIT_LISTS
    from auxskd_mm.launch.outputs import check_outputs

    check_outputs(args, [Path(args.out, name) for name in (*SPLIT_LISTS, 'classes.txt')])
    counts = prepare_hmdb51(args.videos, args.annotations, args.out, held=args.held, seed=args.seed)
    for number, parts in counts.items():
        print(f'split {number}: ' + ', '.join(f'{name} {count}' for name, count in parts.items()) + f' -> {args.out}')


if __name__ == '__main__':
    start(parse_args, main)
