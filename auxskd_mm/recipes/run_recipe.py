"""Recipes: run phases in order, pass the weights from one to the next, and write one report.

A step is one ``tools/train.py``, one ``tools/test.py``, or both. The command lines are printed, and a user can run them
by hand. ``docs/recipes.md`` describes the recipe file.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from .execute import run_step
from .inputs import check_inputs
from .make_report import make_report
from .plan import Plan, Step, needed_steps, plan_recipe
from .progress import Progress
from .running.in_process import silent
from .running.schedule import run_steps
from .step_records import finished_seconds, read_state
from .summary import write_summary
from .tables.learned import result_of
from .tables.table import write_table


def run_recipe(
    recipe: str | Path,
    work_dir: str | Path | None = None,
    options: Mapping[str, Any] | None = None,
    *,
    gpus: int = 0,
    seed: int | None = None,
    seeds: Sequence[int] = (),
    lists: Sequence[str] = (),
    report: Mapping[str, Any] | None = None,
    jobs: int | None = None,
    rows: Sequence[str] = (),
    evaluations: Sequence[str] = (),
) -> dict[str, Any]:
    """Run the steps of a recipe that are not finished yet, and write its report.

    A finished step is skipped, and one that was cut off resumes from its last checkpoint. If a step's config has
    changed since it finished, that is an error rather than a silent mixture.

    Args:
        recipe: Config with ``phases``. A report also needs ``inits`` and ``evaluations``.
        work_dir: Folder of the recipe. A phase works in ``work_dir/<name>``. With several seeds or splits, it works in
            ``work_dir/<run>/<name>``.
        options: Overrides for phases and evaluations. The key ``<name>.<key>`` changes one of them. The key
            ``all.<key>`` changes all phases, and every evaluation whose config has that key.
        gpus: Processes per machine for torchrun. 0 runs one process without torchrun.
        seed: Random seed for every step. It replaces the recipe's ``seeds``.
        seeds: Several seeds. Each makes a separate run.
        lists: Folders of lists, one per split. Each makes a separate run, and ``{lists}`` stands for its folder.
        report: Changes to the recipe's ``report``.
        jobs: Steps at a time, each in a process that imports once for all its steps; 1 stands for this process. None
            runs every command in a process of its own and shows what it prints.
        rows: Rows to run, with the phases that they need; empty for all. The table shows all that was ever run.
        evaluations: Evaluations to run; empty for all.

    Returns:
        ``recipe``; ``phases``, the states of all steps, which are also in ``summary.json``; ``work_dir``; and
        ``report``, the path of ``report.html`` or None.

    Raises:
        InputError: If the recipe is wrong, lists or videos are missing, a finished step's config has changed, or a step
            fails.
    """
    recipe = Path(recipe)
    plan = plan_recipe(recipe, work_dir, options or {}, seed=seed, seeds=seeds, lists=lists)
    plan.report.update(report or {})
    states = run_plan(plan, gpus=gpus, jobs=jobs, rows=rows, evaluations=evaluations)
    written = None
    if plan.evaluations and not rows and not evaluations:
        with _screen(jobs):
            written = make_report(plan, states)
    return dict(recipe=str(recipe), phases=states, work_dir=str(plan.root), report=written and str(written))


def run_plan(
    plan: Plan,
    *,
    gpus: int = 0,
    jobs: int | None = None,
    rows: Sequence[str] = (),
    evaluations: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Run the steps of a plan that are not finished yet; write its summary and, if it has one, its table.

    Args:
        plan: Plan of a recipe.
        gpus: See :func:`run_recipe`.
        jobs: See :func:`run_recipe`.
        rows: See :func:`run_recipe`.
        evaluations: See :func:`run_recipe`.

    Returns:
        State of every step that was asked for.

    Raises:
        InputError: See :func:`run_recipe`.
    """
    steps = needed_steps(plan, rows, evaluations)
    taken = [finished_seconds(step.folder) for step in steps]
    with _screen(jobs):
        check_inputs(step for step, seconds in zip(steps, taken) if seconds is None)
    if jobs is None:
        states = _one_by_one(plan, steps, taken, gpus)
    elif gpus:
        raise InputError(f'gpus={gpus}, jobs={jobs}: give one of them')
    else:
        states = run_steps(steps, plan.root, jobs)
        write_summary(plan.root, plan.recipe, states)
    if plan.evaluations:
        write_table(plan, _all_states(plan, {step.folder: state for step, state in zip(steps, states)}))
    return states


def table_so_far(plan: Plan) -> str:
    """Write the table of a plan from the steps that are finished, and return it; nothing is run."""
    return write_table(plan, _all_states(plan, {}))


def _screen(jobs: int | None) -> contextlib.AbstractContextManager[None]:
    """Let through what is logged, or drop it: with ``jobs``, the screen shows one line per step."""
    return contextlib.nullcontext() if jobs is None else silent()


def _all_states(plan: Plan, states: Mapping[Path, dict[str, Any]]) -> list[dict[str, Any]]:
    """The states of all steps of a plan. A step of an earlier start counts if its inputs are the same."""

    def state_of(step: Step) -> dict[str, Any]:
        if step.folder in states:
            return states[step.folder]
        found = read_state(step.folder)
        return found if found and found['fingerprint'] == step.fingerprint(plan.root) else {}

    return [state_of(step) for step in plan.steps]


def _one_by_one(plan: Plan, steps: Sequence[Step], taken: Sequence[float | None], gpus: int) -> list[dict[str, Any]]:
    """Run every command in a process of its own."""
    progress = Progress([step.kind for step in steps], taken, [step.length for step in steps])
    rows: list[dict[str, Any]] = []
    for number, step in enumerate(steps):
        print(f'== phase {number + 1} of {len(steps)}: {step.label} ({progress.left(number)})', flush=True)
        rows.append(run_step(step, plan.root, gpus))
        if (verdict := result_of(rows[-1])) is not None:
            print(f'   {verdict.text}', flush=True)
        if taken[number] is None:
            progress.done(step.kind, rows[-1]['seconds'])
        write_summary(plan.root, plan.recipe, rows)
    return rows
