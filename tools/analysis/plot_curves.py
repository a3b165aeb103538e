"""Plot training curves of one or several runs into a PNG."""

from __future__ import annotations

import argparse
from pathlib import Path

from auxskd_mm.apis import run_tool
from auxskd_mm.visualization import plot_curves

DEFAULT_PANELS = ['loss', 'pace_acc,segment_acc,joint_acc', 'teacher_entropy,student_entropy', 'anchor_agreement', 'lr']


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('runs', nargs='+', help='work dirs, each optionally as NAME=DIR')
    parser.add_argument(
        '--panels', nargs='+', default=DEFAULT_PANELS, help='names of scalars, comma-separated within a panel'
    )
    parser.add_argument('--out', default='curves.png', help='PNG file to write')
    parser.add_argument('--chance', nargs='*', default=[], help='NAME=LEVEL lines, e.g. pace_acc=0.25')
    args = parser.parse_args()
    runs = dict(run.split('=', 1) if '=' in run else (Path(run).name, run) for run in args.runs)
    chance = {name: float(level) for name, level in (item.split('=', 1) for item in args.chance)}
    print(plot_curves(runs, [panel.split(',') for panel in args.panels], args.out, chance))


if __name__ == '__main__':
    run_tool(main)
