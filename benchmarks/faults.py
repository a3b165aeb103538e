"""Bring about what goes wrong on clusters, and show what a training makes of it.

    python benchmarks/faults.py            # all faults, 20 kills, a table; a few minutes on one core
    python benchmarks/faults.py --only worker disk_full

Every fault is checked and not only counted. A resumed run must end with the same checkpoint, to the bit, as an undisturbed
run. Lost work is the number of repeated iterations. The trainings are auxSKD (queue, teacher, accumulated state) on 8 clips.
They are forked from this process, so twenty starts take seconds. Signals, exit codes and files are real.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'tests'))

import torch
from faults_data import corrupt, non_finite, non_finite_skip, vanishing
from faults_processes import damaged, disk_full, one_rank_killed, preemption, sigkill, worker
from faults_training import INTERVAL, Outcome
from tool_runs import tiny_clips

FAULTS: dict[str, tuple[str, Callable[..., Outcome], int]] = {
    'sigkill': ('SIGKILL at a random moment or within a write', sigkill, 20),
    'one_rank_killed': ('one of two ranks killed', one_rank_killed, 4),
    'preemption': ('SIGTERM (preemption) for one of two ranks', preemption, 4),
    'disk_full': ('disk full during a checkpoint', disk_full, 2),
    'damaged': ('newest checkpoint cut off or damaged', damaged, 4),
    'worker': ('a loader worker dies', worker, 3),
    'corrupt': ('5% corrupt videos', corrupt, 2),
    'vanishing': ('a video vanishes during the run', vanishing, 2),
    'non_finite': ('loss not finite, action stop', non_finite, 2),
    'non_finite_skip': ('loss not finite, action skip', non_finite_skip, 2),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--only', nargs='+', choices=list(FAULTS), help='these faults alone')
    parser.add_argument('--keep', type=Path, help='folder that keeps the work dirs and logs')
    args = parser.parse_args()
    torch.set_num_threads(1)
    out = args.keep or Path(tempfile.mkdtemp())
    data = tiny_clips(out / 'clips')
    print('| fault | tried | outcome | iterations lost (mean, most) |\n|---|---|---|---|', flush=True)
    failed = 0
    for key in args.only or FAULTS:
        title, fault, tries = FAULTS[key]
        try:
            tried, text, lost = fault(data, out / key, tries)
            losses = f'{sum(lost) / len(lost):.1f}, {max(lost)} (checkpoints every {INTERVAL})'
        except AssertionError as error:
            failed += 1
            tried, text, losses = tries, f'FAILED: {str(error)[:300]!r}', '-'
        print(f'| {title} | {tried} | {text} | {losses} |', flush=True)
    if args.keep is None and not failed:
        with suppress(OSError):
            shutil.rmtree(out)
    sys.exit(bool(failed))


if __name__ == '__main__':
    main()
