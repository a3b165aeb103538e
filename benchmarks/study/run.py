"""Does the auxiliary phase help, and when? Runs a table of the study, or all, and goes on where it was interrupted.

    python benchmarks/study/run.py motion                                # five seeds, about an hour on two cores
    python benchmarks/study/run.py real --tennis TENNIS --groups groups.csv --skateboard SKATE
    python benchmarks/study/report.py                                    # tables and pictures of what has been run

Every cell is a training or a measurement with a config of this repository. Its folder below ``<out>/cells`` holds the
checkpoint, ``phase.json`` and the protocol.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')  # one core per cell: small networks gain nothing from more

from cells import steps_of
from data import motion_stores, real_stores
from designs import TABLES, cells_of
from regression import FOLDER, regression_cells

from auxskd_mm.apis import run_tool
from auxskd_mm.recipes.running.schedule import run_steps

REAL = ('real', 'shift', 'shortcuts')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('tables', nargs='+', choices=[*TABLES, 'all'], help='which; "all" is all of them in order')
    parser.add_argument('--out', default='work_dirs/study', help='folder for clips, cells and lists')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2, 3, 4])
    parser.add_argument('--jobs', type=int, default=os.cpu_count(), help='cells at a time')
    parser.add_argument('--train', type=int, default=100, help='MotionClips per class to train on')
    parser.add_argument('--test', type=int, default=40, help='MotionClips per class to test on')
    parser.add_argument('--tennis', default='', help='folder of tennis clips, class/clip.mp4')
    parser.add_argument('--groups', default='', help='CSV of the tennis clips: class, file, group')
    parser.add_argument('--skateboard', default='', help='folder of clips that join the pool')
    args = parser.parse_args()
    root = Path(args.out).resolve()
    tables = TABLES if 'all' in args.tables else args.tables
    if set(tables) != {'regression'}:
        motion_stores(root, args.train, args.test)
    if set(tables) & set(REAL):
        real_stores(root, args.tennis, args.skateboard)
    for table in tables:
        print(f'== {table}', flush=True)
        if table == 'regression':  # has fewer clips, and so a folder of its own
            cells = [cell for seed in args.seeds for cell in regression_cells(root / FOLDER, seed)]
            run_steps(steps_of(cells, root / FOLDER), root / FOLDER, args.jobs)
        else:
            cells = cells_of(table, root, args.seeds, args.tennis, args.groups)
            run_steps(steps_of(cells, root), root, args.jobs)


if __name__ == '__main__':
    run_tool(main)
