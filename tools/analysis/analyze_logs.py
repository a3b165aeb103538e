"""Read MMEngine's scalars.json: tell how long the iterations of one or several runs took."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import ToolParser, start

_GONE = 'plot_curve'  # MMAction2's name for it
_INSTEAD = 'run python tools/analysis/plot_curves.py RUN or NAME=RUN ... --panels KEY ... --out curves.png'


def parse_args() -> argparse.Namespace:
    parser = ToolParser(__doc__, 'python tools/analysis/analyze_logs.py cal_train_time work_dirs/vspp')
    tasks = parser.add_subparsers(dest='task', required=True, parser_class=argparse.ArgumentParser)
    if sys.argv[1:2] == [_GONE]:  # with any options
        return argparse.Namespace(task=_GONE)
    time = tasks.add_parser('cal_train_time', help='seconds per iteration')
    time.add_argument('runs', nargs='+', help='work dirs or scalars.json files')
    time.add_argument('--include-outliers', action='store_true', help='count the first value of every epoch too')
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.errors import InputError
    from auxskd_mm.records.iteration_time import train_time

    if args.task == _GONE:
        raise InputError(f'analyze_logs.py {_GONE} is gone: {_INSTEAD}')
    for run in args.runs:
        found = train_time(run, args.include_outliers)
        print(f'{run}:')
        print(f'  slowest epoch {found.slowest}: {found.epochs[found.slowest]:.4f} s per iteration')
        print(f'  fastest epoch {found.fastest}: {found.epochs[found.fastest]:.4f} s per iteration')
        print(f'  standard deviation over epochs {found.spread:.4f} s')
        waiting = '' if found.data is None else f', of which {100 * found.data:.1f}% waiting for data'
        print(f'  mean {found.mean:.4f} s per iteration{waiting}')


if __name__ == '__main__':
    start(parse_args, main)
