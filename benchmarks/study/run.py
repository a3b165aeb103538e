"""Does the auxiliary phase help, and when? Runs a table of the study, or all, and goes on where it was interrupted.

    python benchmarks/study/run.py motion                                # five seeds, about an hour on two cores
    python benchmarks/study/run.py real --tennis TENNIS --groups groups.csv --skateboard SKATE
    python benchmarks/study/report.py                                    # tables and pictures of what has been run

Every cell is a training or a measurement with a config of this repository. Its folder below ``<out>/cells`` holds the
checkpoint, ``result.json`` and the protocol.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import warnings
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path

os.environ['OMP_NUM_THREADS'] = '1'  # one core per cell: small networks gain nothing from more

import torch
from cells import Cell
from data import motion_stores, real_stores
from designs import TABLES, cells_of
from execute import run_cell
from regression import FOLDER, regression_cells

from auxskd_mm.apis import run_tool
from auxskd_mm.errors import InputError
from auxskd_mm.recipes.progress import Progress
from auxskd_mm.recipes.step_records import last_checkpoint

REAL = ('real', 'shift', 'shortcuts')


def work(cell: Cell, root: Path) -> float:
    """Run a cell in a worker process; returns its seconds."""
    warnings.filterwarnings('ignore')
    torch.set_num_threads(1)
    return float(run_cell(cell, root)['seconds'])


def _kind(cell: Cell) -> str:
    """Cells of one kind take about the same time, whatever their seed."""
    return cell.name.rsplit('/', 1)[-1]


def run_cells(cells: list[Cell], root: Path, jobs: int) -> None:
    """Run all cells without a result and print the time left. A cell runs after the cell whose weights it needs.

    Raises:
        InputError: If a cell was run with other options, or waits for a cell that is not part of the run.
    """
    states = [cell.result(root) or {} for cell in cells]
    taken = [state.get('seconds') if state.get('finished') else None for state in states]
    waiting = [cell for cell, seconds in zip(cells, taken) if seconds is None]
    progress = Progress([_kind(cell) for cell in cells], taken)
    names = {cell.name for cell in waiting}
    for cell in waiting:
        if cell.init and cell.init not in names and last_checkpoint(root / 'cells' / cell.init) is None:
            raise InputError(f'{cell.name}: needs {cell.init}; run the table {cell.init.split("/")[0]!r} first')
    print(f'{len(cells)} cells, {len(cells) - len(waiting)} done before', flush=True)
    running: dict[Future[float], Cell] = {}
    count, total = 0, len(waiting)
    # Workers are replaced now and then: MMEngine keeps something of every Runner.
    replaced = dict(max_tasks_per_child=40) if sys.version_info >= (3, 11) else {}
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context('spawn'), **replaced) as pool:
        while waiting or running:
            missing = {cell.name for cell in waiting} | {cell.name for cell in running.values()}
            for cell in [cell for cell in waiting if cell.init not in missing][: jobs - len(running)]:
                waiting.remove(cell)
                running[pool.submit(work, cell, root)] = cell
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                cell, seconds, count = running.pop(future), future.result(), count + 1
                progress.done(_kind(cell), seconds, cells.index(cell))
                print(f'[{count}/{total}] {cell.name} {seconds:.0f} s; {progress.left(0, jobs)}', flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('tables', nargs='+', choices=[*TABLES, 'all'], help='which; "all" is all of them in order')
    parser.add_argument('--out', default='work_dirs/study', help='folder for clips, cells and lists')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2, 3, 4])
    parser.add_argument('--jobs', type=int, default=os.cpu_count(), help='cells at a time')
    parser.add_argument('--train', type=int, default=100, help='MotionClips a class to train on')
    parser.add_argument('--test', type=int, default=40, help='MotionClips a class to test on')
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
            run_cells(cells, root / FOLDER, args.jobs)
        else:
            run_cells(cells_of(table, root, args.seeds, args.tennis, args.groups), root, args.jobs)


if __name__ == '__main__':
    run_tool(main)
