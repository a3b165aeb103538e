"""Recipes: run phases in order, pass the weights from one to the next, and write one report.

A step is one ``tools/train.py``, one ``tools/test.py``, or both. The command lines are printed, and a user can run them
by hand. ``docs/recipes.md`` describes the recipe file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from .execute import run_step
from .inputs import check_inputs
from .make_report import make_report
from .plan import Plan, plan_recipe
from .progress import Progress
from .running.schedule import run_steps
from .step_records import finished_seconds
from .summary import write_summary
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
    rows = run_plan(plan, gpus=gpus, jobs=jobs)
    written = make_report(plan, rows) if plan.evaluations else None
    return dict(recipe=str(recipe), phases=rows, work_dir=str(plan.root), report=written and str(written))


def run_plan(plan: Plan, *, gpus: int = 0, jobs: int | None = None) -> list[dict[str, Any]]:
    """Run the steps of a plan that are not finished yet; write its summary and, if it has one, its table.

    Args:
        plan: Plan of a recipe.
        gpus: See :func:`run_recipe`.
        jobs: See :func:`run_recipe`.

    Returns:
        State of every step.

    Raises:
        InputError: See :func:`run_recipe`.
    """
    taken = [finished_seconds(step.folder) for step in plan.steps]
    check_inputs(step for step, seconds in zip(plan.steps, taken) if seconds is None)
    if jobs is None:
        rows = _one_by_one(plan, taken, gpus)
    elif gpus:
        raise InputError(f'gpus={gpus}, jobs={jobs}: give one of them')
    else:
        rows = run_steps(plan.steps, plan.root, jobs)
        write_summary(plan.root, plan.recipe, rows)
    if plan.evaluations:
        write_table(plan, rows)
    return rows


def _one_by_one(plan: Plan, taken: Sequence[float | None], gpus: int) -> list[dict[str, Any]]:
    """Run every command in a process of its own."""
    progress = Progress([step.kind for step in plan.steps], taken)
    rows: list[dict[str, Any]] = []
    for number, step in enumerate(plan.steps):
        print(f'== phase {number + 1} of {len(plan.steps)}: {step.label} ({progress.left(number)})', flush=True)
        rows.append(run_step(step, plan.root, gpus))
        if taken[number] is None:
            progress.done(step.kind, rows[-1]['seconds'])
        write_summary(plan.root, plan.recipe, rows)
    return rows
