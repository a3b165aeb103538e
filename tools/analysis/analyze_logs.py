"""Read MMEngine's scalars.json: plot curves of one or several runs, or tell how long iterations took."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import ToolParser, add_overwrite, start


def parse_args() -> argparse.Namespace:
    parser = ToolParser(__doc__, 'python tools/analysis/analyze_logs.py plot_curve work_dirs/vspp --keys loss pace_acc')
    tasks = parser.add_subparsers(dest='task', required=True, parser_class=argparse.ArgumentParser)
    plot = tasks.add_parser('plot_curve', help='plot scalars against the training step into a PNG')
    plot.add_argument('runs', nargs='+', help='work dirs or scalars.json files')
    plot.add_argument('--keys', nargs='+', default=['loss'], help='scalars to plot, one panel each')
    plot.add_argument('--legend', nargs='+', help='a name for each run; default: the name of its folder')
    plot.add_argument('--out', default='curve.png', help='PNG file to write; no display is needed')
    add_overwrite(plot)
    time = tasks.add_parser('cal_train_time', help='seconds per iteration')
    time.add_argument('runs', nargs='+', help='work dirs or scalars.json files')
    time.add_argument('--include-outliers', action='store_true', help='count the first value of every epoch too')
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.launch.outputs import check_outputs

    if args.task == 'plot_curve':
        check_outputs(args, [args.out], args.runs)
        plot_curve(args.runs, args.keys, args.legend, args.out)
    else:
        cal_train_time(args.runs, args.include_outliers)


def plot_curve(runs: list[str], keys: list[str], legend: list[str] | None, out: str) -> None:
    from auxskd_mm.errors import InputError
    from auxskd_mm.visualization import plot_curves

    names = legend or [_name(run) for run in runs]
    if len(names) != len(runs) or len(set(names)) < len(names):
        raise InputError(f'--legend {" ".join(names)}: expected {len(runs)} different names, one for each run')
    if Path(out).suffix != '.png':
        raise InputError(f'--out {out}: expected a .png file')
    print(plot_curves(dict(zip(names, runs)), [[key] for key in keys], out))


def _name(run: str) -> str:
    """Folder of a work dir, also for the scalars.json three levels below it."""
    path = Path(run).resolve()
    return path.parents[2].name if path.name == 'scalars.json' and len(path.parents) > 2 else path.name


def cal_train_time(runs: list[str], include_outliers: bool) -> None:
    from auxskd_mm.records.iteration_time import train_time

    for run in runs:
        found = train_time(run, include_outliers)
        print(f'{run}:')
        print(f'  slowest epoch {found.slowest}: {found.epochs[found.slowest]:.4f} s per iteration')
        print(f'  fastest epoch {found.fastest}: {found.epochs[found.fastest]:.4f} s per iteration')
        print(f'  standard deviation over epochs {found.spread:.4f} s')
        waiting = '' if found.data is None else f', of which {100 * found.data:.1f}% waiting for data'
        print(f'  mean {found.mean:.4f} s per iteration{waiting}')


if __name__ == '__main__':
    start(parse_args, main)
