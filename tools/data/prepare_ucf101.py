"""Write the lists of UCF101's three official splits.

Get the videos (UCF101.rar) and the recognition splits (UCF101TrainTestSplits-RecognitionTask.zip) from the data set's
page, unpack both, then: tools/data/prepare_ucf101.py data/ucf101/videos data/ucf101/ucfTrainTestlist data/ucf101
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import ToolParser, add_overwrite, start


def parse_args() -> argparse.Namespace:
    parser = ToolParser(
        __doc__, 'python tools/data/prepare_ucf101.py data/ucf101/videos data/ucf101/ucfTrainTestlist data/ucf101'
    )
    parser.add_argument('videos', help='folder of the videos or of their frame folders')
    parser.add_argument('annotations', help='folder of classInd.txt, trainlist0?.txt and testlist0?.txt')
    parser.add_argument('out', help='folder for {train,test,fit,val}_split{1,2,3}.txt and classes.txt')
    parser.add_argument(
        '--held', type=int, default=800, help='training videos to hold out as val; 0 writes no fit, val'
    )
    parser.add_argument('--seed', type=int, default=0, help='which videos are held out')
    add_overwrite(parser)
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.datasets.preparation import prepare_ucf101
    from auxskd_mm.datasets.preparation.split_lists import SPLIT_LISTS
    from auxskd_mm.launch.outputs import check_outputs

    check_outputs(args, [Path(args.out, name) for name in (*SPLIT_LISTS, 'classes.txt')])
    counts = prepare_ucf101(args.videos, args.annotations, args.out, held=args.held, seed=args.seed)
    for number, parts in counts.items():
        print(f'split {number}: ' + ', '.join(f'{name} {count}' for name, count in parts.items()) + f' -> {args.out}')


if __name__ == '__main__':
    start(parse_args, main)
