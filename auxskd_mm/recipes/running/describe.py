"""What a plan will run, before it runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..plan import Plan, needed_steps
from ..progress import Progress
from ..step_records import finished_seconds


def describe_plan(plan: Plan, rows: Sequence[str] = (), evaluations: Sequence[str] = (), jobs: int = 1) -> str:
    """Lines that say which steps a plan has, how many are finished, and about how long the rest takes.

    Args:
        plan: Plan of a recipe.
        rows: See :func:`auxskd_mm.recipes.run_recipe.run_recipe`.
        evaluations: See there.
        jobs: Steps at a time.
    """
    steps = list({step.folder: step for step in needed_steps(plan, rows, evaluations)}.values())
    taken = [finished_seconds(step.folder) for step in steps]
    progress = Progress([step.kind for step in steps], taken, [step.length for step in steps])
    finished = Counter(step.kind for step, seconds in zip(steps, taken) if seconds is not None)
    lines = [f'{plan.recipe.stem}: {len(plan.runs)} runs, {len(steps)} steps, {sum(finished.values())} finished']
    for kind, count in Counter(step.kind for step in steps).items():
        steps_of = sorted({step.length for step in steps if step.kind == kind and step.length})
        length = f', {" or ".join(map(str, steps_of))} training steps each' if steps_of else ''
        lines.append(f'  {kind}: {count}, {finished[kind]} finished{length}')
    lines.append(f'  {progress.left(0, jobs)}')
    return '\n'.join(lines)
