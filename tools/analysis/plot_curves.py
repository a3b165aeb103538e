"""Plot training curves of one or several runs into a PNG."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import ToolParser, add_overwrite, start

DEFAULT_PANELS = ['loss', 'pace_acc,segment_acc,joint_acc', 'teacher_entropy,student_entropy', 'anchor_agreement', 'lr']


def parse_args() -> argparse.Namespace:
    parser = ToolParser(
        __doc__, 'python tools/analysis/plot_curves.py vspp=work_dirs/vspp --panels loss pace_acc,segment_acc'
    )
    parser.add_argument('runs', nargs='+', help='work dirs, each optionally as NAME=DIR')
    parser.add_argument(
        '--panels', nargs='+', default=DEFAULT_PANELS, help='names of scalars, comma-separated within a panel'
    )
    parser.add_argument('--out', default='curves.png', help='PNG file to write')
    parser.add_argument('--chance', nargs='*', default=[], help='NAME=LEVEL lines, e.g. pace_acc=0.25')
    parser.add_argument('--title', help='line above the panels')
    add_overwrite(parser)
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.apis.pictures.feature_pictures import check_picture
    from auxskd_mm.launch.outputs import check_outputs
    from auxskd_mm.visualization import plot_curves

    runs = dict(run.split('=', 1) if '=' in run else (Path(run).name, run) for run in args.runs)
    chance = dict(map(read_level, args.chance))
    check_picture(args.out)
    check_outputs(args, [args.out])
    print(plot_curves(runs, [panel.split(',') for panel in args.panels], args.out, chance, args.title))


def read_level(item: str) -> tuple[str, float]:
    """Name and level of a ``--chance``."""
    from auxskd_mm.errors import InputError

    name, _, level = item.partition('=')
    try:
        return name, float(level)
    except ValueError:
        raise InputError(f'--chance {item}: expected NAME=LEVEL, e.g. pace_acc=0.25') from None


if __name__ == '__main__':
    start(parse_args, main)
