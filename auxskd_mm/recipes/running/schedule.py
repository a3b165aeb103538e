"""Runs the steps of a plan: in order in this process, or several at a time in worker processes."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...workers import worker_pool
from ..execute import run_step
from ..progress import Progress
from ..runs import Step
from ..step_records import finished_seconds
from ..tables.learned import result_of
from .in_process import prepare_process, silent
from .sharing import changed_cells

# A worker process is replaced after so many steps: MMEngine keeps something of every Runner.
_STEPS_OF_A_WORKER = 40


def run_steps(steps: Sequence[Step], root: Path, jobs: int = 1, threads: int = 1) -> list[dict[str, Any]]:
    """Run all steps that are not finished, each after the step whose weights it needs, and print the time left.

    Steps with the same folder are one.

    Args:
        steps: Steps in an order in which they can run.
        root: Work dir of the recipe.
        jobs: Number of steps at a time. With 1, all steps run in this process, one after the other.
        threads: Number of CPU threads of each step. Results do not depend on ``jobs``.

    Returns:
        State of every step.

    Raises:
        InputError: If a step fails. No further steps start.
    """
    unique = list({step.folder: step for step in steps}.values())
    taken = [finished_seconds(step.folder) for step in unique]
    progress = Progress([step.kind for step in unique], taken, [step.length for step in unique])
    waiting = [step for step, seconds in zip(unique, taken) if seconds is None]
    if waiting:
        print(f'{len(waiting)} of {len(unique)} steps to run, {progress.left(0, jobs)}', flush=True)
    if changed := changed_cells(root, unique, remember=True):
        print(f'inputs changed since the last start, measured anew: {", ".join(changed)}', flush=True)
    runs = _one_by_one if jobs == 1 else _several(jobs)
    with contextlib.closing(runs(waiting, root, threads)) as made:
        for number, (step, row) in enumerate(made, start=1):
            progress.done(step.kind, row['seconds'], unique.index(step))
            left = progress.left(0, jobs)
            print(f'[{number}/{len(waiting)}] {step.label}: {row["seconds"]:.0f} s{_result(row)}; {left}', flush=True)
    # Also for what was finished before: it must have been made from the same inputs.
    with silent():
        return [run_step(step, root, 0, in_process=True, quiet=True) for step in steps]


def _result(row: dict[str, Any]) -> str:
    if (verdict := result_of(row)) is not None:
        return f', {verdict.text}'
    shown = {key: value for key, value in row.get('test', {}).items() if isinstance(value, (int, float))}
    accuracies = [f'{key} {100 * value:.1f}' for key, value in shown.items() if key.endswith(('top1', '_acc', '/0'))]
    return f', {", ".join(accuracies[:3])}' if accuracies else ''


_Runs = Generator[tuple[Step, dict[str, Any]]]


def _one_by_one(waiting: Sequence[Step], root: Path, threads: int) -> _Runs:
    if waiting:
        prepare_process(threads)
    for step in waiting:
        yield step, _work(step, root)


def _several(jobs: int) -> Callable[[Sequence[Step], Path, int], _Runs]:
    def run(waiting: Sequence[Step], root: Path, threads: int) -> _Runs:
        rest = list(waiting)
        running: dict[Future[dict[str, Any]], Step] = {}
        with worker_pool(jobs, prepare_process, threads, spawn=True, tasks=_STEPS_OF_A_WORKER) as pool:
            while rest or running:
                missing = {step.folder for step in [*rest, *running.values()]}
                ready = [step for step in rest if step.init not in missing]
                for step in ready[: jobs - len(running)]:
                    rest.remove(step)
                    running[pool.submit(_work, step, root)] = step
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    step = running.pop(future)
                    try:
                        yield step, future.result()
                    except BrokenProcessPool:
                        raise InputError(
                            f'phase {step.label!r}: a worker process died, perhaps for want of memory; run the same command '
                            'again, it goes on where it stopped, or with fewer jobs'
                        ) from None

    return run


def _work(step: Step, root: Path) -> dict[str, Any]:
    with warnings.catch_warnings(), silent():
        warnings.simplefilter('ignore')
        return run_step(step, root, 0, in_process=True, quiet=True)
