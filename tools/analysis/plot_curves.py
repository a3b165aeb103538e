"""Plot training curves of one or several runs into a PNG."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import ToolParser, add_overwrite, named_paths, start

DEFAULT_PANELS = ['loss', '*_acc', 'teacher_entropy,student_entropy', 'anchor_agreement', 'lr']


def parse_args() -> argparse.Namespace:
    parser = ToolParser(
        __doc__, 'python tools/analysis/plot_curves.py vspp=work_dirs/vspp --panels loss pace_acc,segment_acc'
    )
    parser.add_argument('runs', nargs='+', help='work dirs or scalars.json files, each optionally as NAME=RUN')
    parser.add_argument(
        '--panels',
        nargs='+',
        default=DEFAULT_PANELS,
        help='names of scalars, comma-separated within a panel; *_acc for all such names',
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

    runs = named_paths(args.runs, run_name, 'run')
    chance = dict(map(read_level, args.chance))
    check_picture(args.out)
    check_outputs(args, [args.out])
    print(plot_curves(runs, [panel.split(',') for panel in args.panels], args.out, chance, args.title))


def run_name(run: str) -> str:
    """Name of a run: that of its work dir, three levels above a scalars.json."""
    path = Path(run).resolve()
    return (path.parents[2] if path.name == 'scalars.json' and len(path.parents) > 2 else path).name


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
