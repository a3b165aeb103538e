"""The order of the work: check, plan, pack, train and measure split by split, choose, answer, and write the model."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from mmengine.config import Config

from ..datasets.packing.pack import default_workers
from ..datasets.recordings.expand import WHOLE, Windows
from ..errors import InputError, full_disk
from ..files import only_writer, read_record, write_whole
from ..recipes.plan import Plan, make_plan
from ..recipes.run_recipe import run_plan
from ..recipes.running.in_process import silent
from ..recipes.step_records import finished_seconds
from .answers import Answer, make_answers
from .checks import check_all, describe_split, rate_to_set, usable
from .choice import Choice, Table, choose, make_table
from .content import chosen_content, plan_of, planned_phases, read_content, rows_of, write_recipe
from .model import remove_model, write_model
from .page import Page, by_hand, facts, write_page
from .planner import (
    FEWEST_SPLITS,
    Costs,
    Lengths,
    Schedule,
    Task,
    describe_schedule,
    fixed_schedule,
    make_schedule,
    missing_rows,
)
from .scores import PhaseResult, read_rows
from .screen import Screen
from .splits import MOST_SPLITS, Split, make_splits, pool_of, shuffled, write_lists
from .stores import MAPS, check_space, pack_frames, pack_maps, weights_variables
from .videos import Found, find_videos, without_small_classes

PLAN_FILE, SETTINGS_FILE = 'plan.json', 'own_videos.json'
# Clips of so many frames where the videos have at least half as many again.
_LONG, _SHORT = 16, 8
_MOST_JOBS = 8
# So many frames of all variants are packed in minutes.
_MOST_VARIANTS, _FRAMES_OF_VARIANTS = 4, 60_000


@dataclass(frozen=True)
class Settings:
    """What the user asks for.

    Attributes:
        folder: Folder of the videos.
        out: Work dir.
        minutes: Minutes for all of it.
        labels: CSV of labels.
        groups: CSV of groups.
        pattern: Regular expression of the group in a path.
        weights: See :func:`auxskd_mm.own_videos.stores.weights_variables`.
        jobs: Trainings at a time; None takes one per core.
        variables: Other values of variables of the recipe, such as ``tune_steps``, for tests and experiments.
        shuffle: Whether the labels are permuted, to see what chance gives.
        lengths: Rows, splits and steps, in place of a plan of the minutes.
        windows: How recordings are divided.
    """

    folder: Path
    out: Path
    minutes: float = 45.0
    labels: Path | None = None
    groups: Path | None = None
    pattern: str | None = None
    weights: str | None = None
    jobs: int | None = None
    variables: Mapping[str, Any] | None = None
    shuffle: bool = False
    lengths: Lengths | None = None
    windows: Windows = WHOLE


def jobs_of(settings: Settings) -> int:
    """Trainings at a time. Each takes a core and the memory of a process that has imported torch."""
    return settings.jobs or min(default_workers(), _MOST_JOBS)


class Outcome(NamedTuple):
    """What came out of it."""

    answers: list[Answer]
    table: Table
    choice: Choice
    report: Path
    command: str


def own_videos(settings: Settings, screen: Screen | None = None) -> Outcome:
    """From a folder of videos to a verdict, a model and a report. A second call continues.

    Raises:
        InputError: If the videos, labels, groups or minutes do not allow an answer, or the disk is full.
    """
    screen = screen or Screen()
    try:
        return _own_videos(settings, screen)
    except KeyboardInterrupt as stop:
        raise type(stop)(
            f'{str(stop) or "interrupted"} while {screen.doing}; run the same command again, it goes on where it stopped'
        ) from None
    except OSError as error:
        if (line := full_disk(error, settings.out)) is not None:
            raise InputError(f'{line}, it goes on where it stopped') from None
        raise
    finally:
        screen.clear()


class _Prepared(NamedTuple):
    """The usable videos, their splits, and the variables of the recipe that follow from them."""

    found: Found
    splits: list[Split]
    variables: dict[str, Any]
    frames: int


def _own_videos(settings: Settings, screen: Screen) -> Outcome:
    if not settings.minutes > 0:
        raise InputError(f'--minutes {settings.minutes:g}: expected a number above 0')
    start, out = time.time(), settings.out.resolve()
    folder, labels, groups = settings.folder, settings.labels, settings.groups
    found = find_videos(folder, labels, groups, settings.pattern, settings.windows, screen.note)
    variables = weights_variables(settings.weights, screen.note)
    claim(out, settings)
    with only_writer(out):
        return _answered(settings, _prepare(settings, found, variables, screen), start, screen)


def _answered(settings: Settings, ready: _Prepared, start: float, screen: Screen) -> Outcome:
    """Plan, pack, run, choose, answer; write the model and the report."""
    out = settings.out.resolve()
    content = read_content(ready.variables)
    task = _task(ready, content, settings)
    schedule, spent = _schedule(settings, out, content, task, screen)
    lines = describe_schedule(schedule, task)
    for line in lines:
        screen.say(line)
    check_space(out, schedule.disk)
    steps = dict(tune_steps=schedule.tune_steps, pretext_steps=schedule.pretext_steps)
    content = read_content({**steps, **ready.variables})
    found, splits = _pack(settings, ready, content, schedule, task, screen)
    plan, states, splits = _run(settings, content, schedule, found, splits, (start, spent), screen)
    screen.doing = 'measuring probes and choosing a row'
    with silent():
        rows, phases = read_rows(plan, states, task.rows, splits, found, screen.passing)
    table = make_table(rows, splits, found)
    choice = choose(table)
    lengths = int(content.evaluations[-1]['steps']), int(content.phases[0]['steps'])
    answers = make_answers(table, choice, phases, found, missing_rows(schedule, task), lengths)
    for answer in answers:
        screen.say(f'({answer.letter}) {answer.sentence}')
    command = ''
    if choice.learnable == 'no':
        remove_model(out)
    else:
        screen.doing = 'training the model on all labels'
        with screen.passing_output('model on all labels'):
            model = write_model(out, content, rows[choice.row], plan, states, found, found.labeled[0].path)
        command = model.command
        screen.say(f'model: {model.checkpoint}, config: {model.config}; use it with:\n  {command}')
    page = Page(
        f'{Path(settings.folder).resolve().name}: what to use',
        facts(found, splits, schedule.minutes),
        answers,
        phases,
        lines,
        by_hand(settings.folder, out, {name: content.families[name] for name in _families(schedule, task)}, found),
        command,
        screen.notes,
    )
    screen.doing = 'writing the report'
    report = write_page(out, page, table, choice, found)
    _remember(out, schedule, None, spent + time.time() - start)
    screen.say(f'report: {report}')
    return Outcome(answers, table, choice, report, command)


def _prepare(settings: Settings, found: Found, variables: dict[str, Any], screen: Screen) -> _Prepared:
    """Check the videos, and split them."""
    out = settings.out.resolve()
    screen.doing = 'checking the videos'
    reports = check_all(found, out, screen.say)
    found = _allowed(usable(found, reports, screen.note), settings, screen)
    splits = make_splits(found, MOST_SPLITS, screen.note)
    describe_split(found, splits[0], settings.folder, out, screen)
    frames = [reports[video.name].frames for video in found.videos]
    variables.update(clip_len=_LONG if median(frames) >= 1.5 * _LONG else _SHORT, stores=str(out / MAPS))
    variables['most_variants'] = _variants(out, sum(frames))
    if (rate := rate_to_set(found, reports, screen.note)) is not None:
        variables['fps'] = rate
    return _Prepared(found, splits, {**variables, **(settings.variables or {})}, sum(frames))


def _variants(out: Path, frames: int) -> int:
    """Variants per frame, fewer of many frames. The number stays for the life of a work dir, since the stores have it."""
    file = out / SETTINGS_FILE
    held = read_record(file)
    if 'most_variants' not in held:
        held['most_variants'] = max(1, min(_MOST_VARIANTS, _FRAMES_OF_VARIANTS // max(frames, 1)))
        write_whole(file, json.dumps(held))
    return int(held['most_variants'])


def _task(ready: _Prepared, content: Config, settings: Settings) -> Task:
    return Task(
        frames=ready.frames,
        clips=len(ready.splits[0].fit),
        pool=len(pool_of(ready.splits[0], ready.found)),
        splits=len(ready.splits),
        jobs=jobs_of(settings),
        rows=rows_of(content),
        **plan_of(content),
    )


def _pack(
    settings: Settings, ready: _Prepared, content: Config, schedule: Schedule, task: Task, screen: Screen
) -> tuple[Found, list[Split]]:
    """Pack frames and maps; return the videos that could be packed, and their splits."""
    out, found, splits = settings.out.resolve(), ready.found, ready.splits
    screen.doing = 'packing frames and feature maps'
    kept = pack_frames(found, out, task.jobs, screen.note)
    if len(kept.videos) < len(found.videos):
        found = _allowed(kept, settings, screen)
        splits = make_splits(found, MOST_SPLITS, screen.note)
    pack_maps(out, _families(schedule, task), content.families, task.jobs, screen.say)
    return found, splits


def _families(schedule: Schedule, task: Task) -> list[str]:
    """The families of maps that the rows need."""
    return list(dict.fromkeys(task.rows[name]['family'] for name in schedule.rows))


def claim(out: Path, settings: Settings) -> None:
    """Make sure that a work dir is new, or belongs to a folder of this name and to labels of this kind.

    Raises:
        InputError: If it holds something else.
    """
    file = out / SETTINGS_FILE
    name = f'{Path(settings.folder).resolve().name}{" with shuffled labels" * settings.shuffle}'
    if file.is_file():
        held = read_record(file).get('folder')
        if held is None:
            raise InputError(f'{file}: is damaged; give another --out')
        if held != name:
            raise InputError(f'{out}: holds the answers on a folder {held}, not {name}; give another --out')
        return
    if out.is_dir() and any(out.iterdir()):
        raise InputError(f'{out}: exists and is no work dir of tools/own_videos.py; give another --out')
    if out.exists() and not out.is_dir():
        raise InputError(f'{out}: is a file; give a folder as --out')
    write_whole(file, json.dumps(dict(folder=name)))


def _allowed(found: Found, settings: Settings, screen: Screen) -> Found:
    """The videos with the labels that a split by group can use, shuffled if asked for."""
    groups = {video.group for video in found.labeled}
    found = without_small_classes(found, min(3, max(2, len(groups))), screen.note)
    return shuffled(found) if settings.shuffle else found


def _schedule(settings: Settings, out: Path, content: Config, task: Task, screen: Screen) -> tuple[Schedule, float]:
    """The schedule of an earlier start, or a new one if there is none or there are more minutes; and the seconds spent."""
    file, minutes = out / PLAN_FILE, settings.minutes
    kept = read_record(file)
    before: Schedule | None = None
    known: Costs | None = None
    with suppress(KeyError, TypeError):  # a first start, or a plan of another version
        before, known = Schedule(**kept['schedule']), Costs(**kept['costs'])
    phases = {phase['name'] for phase in planned_phases(content)}
    same = known is not None and set(known.tuning) == set(content.learners) and set(known.pretext) >= phases
    # Costs of an earlier version have other names. Its plan goes on with the same families, whose rows it has.
    goes_on = (
        before is not None
        and known is not None
        and set(known.packing) == set(content.families)
        and {*before.rows, *before.left_out} <= set(task.rows)
        and minutes <= before.minutes
        and before.splits <= task.splits
    )
    if settings.lengths is None and before is not None and goes_on:
        if minutes < before.minutes:
            screen.note(
                f'--minutes {minutes:g}: fewer than the {before.minutes:g} of an earlier start, whose plan goes on; another --out '
                'starts a new one'
            )
        return before, float(kept.get('spent', 0.0))
    screen.doing = 'measuring training steps'
    if not same:
        screen.passing('measuring a training step of each network')
    costs = known if same and known else measure(out, content)
    if settings.lengths is not None:
        schedule = fixed_schedule(settings.lengths, costs, task)
    else:
        schedule = make_schedule(minutes, costs, task, before)
    spent = float(kept.get('spent', 0.0))
    _remember(out, schedule, costs, spent)
    return schedule, spent


def measure(out: Path, content: Config) -> Costs:
    """Measure the costs, in a function of its own so that the imports of torch come late."""
    from .measure import measure_costs

    return measure_costs(out, content)


def _remember(out: Path, schedule: Schedule, costs: Costs | None, spent: float) -> None:
    file = out / PLAN_FILE
    kept = read_record(file)
    held = vars(costs) if costs is not None else kept.get('costs')
    write_whole(file, json.dumps(dict(schedule=schedule.as_dict(), costs=held, spent=round(spent, 1)), indent=1))


def _run(
    settings: Settings,
    content: Config,
    schedule: Schedule,
    found: Found,
    splits: Sequence[Split],
    clock: tuple[float, float],
    screen: Screen,
) -> tuple[Plan, list[dict[str, Any]], list[Split]]:
    """Run the rows split by split, until the splits or the minutes are used up."""
    out, (start, spent) = settings.out.resolve(), clock
    for split in splits[: schedule.splits]:
        write_lists(out / 'lists' / str(split.seed), split, found)
    lists = str(out / 'lists' / '{seed}')
    plan: Plan | None = None
    states: list[dict[str, Any]] = []
    number = 0
    each = sum(schedule.seconds[name] for name in schedule.rows) / schedule.splits / jobs_of(settings)
    most = min(schedule.splits, len(splits))  # packing may have left videos out
    for number in range(1, most + 1):
        began = time.time()
        left = each * (schedule.splits - number + 1) / 60
        entries = chosen_content(content, schedule.rows, range(number), lists)
        recipe = write_recipe(out / 'recipe.py', entries)
        plan = make_plan(recipe, entries, out)
        screen.doing = f'running the rows of split {number} of {schedule.splits}'
        try:
            with screen.passing_output(f'split {number} of {schedule.splits} (about {left:.0f} min left for all)'):
                states = run_plan(plan, jobs=jobs_of(settings))
        finally:  # the minutes of an interrupted start count, too
            used = spent + time.time() - start
            with suppress(InputError):  # of a full disk, of which the work itself says more
                _remember(out, schedule, None, used)
        screen.say(_split_line(plan, states, number))
        each = took = time.time() - began
        over = FEWEST_SPLITS <= number < most and used + took + schedule.after > 60 * schedule.minutes
        # Given lengths do not depend on the speed of the machine.
        if over and settings.lengths is None and not _finished(content, schedule, number + 1, lists, out):
            screen.note(f'the {schedule.minutes:g} minutes are used up: {number} splits instead of {schedule.splits}')
            break
    assert plan is not None
    return plan, states, list(splits[:number])


def _finished(content: Config, schedule: Schedule, number: int, lists: str, out: Path) -> bool:
    """Whether everything of so many splits was run before."""
    entries = chosen_content(content, schedule.rows, range(number), lists)
    plan = make_plan(out / 'recipe.py', entries, out)
    return all(finished_seconds(step.folder) is not None for step in plan.steps)


def _split_line(plan: Plan, states: Sequence[Mapping[str, Any]], number: int) -> str:
    """A line of the table that fills in: accuracy on the clips of a split that were held out."""
    parts = []
    for step, state in zip(plan.steps, states):
        test = state.get('test') or {}
        score = next((value for key, value in test.items() if key.endswith('top1')), None)
        if step.row is not None and step.run.seed == number - 1 and score is not None:
            parts.append(f'{step.row.name} {100 * score:.0f}')
    return f'split {number}, percent on held-out clips (frozen: k-NN here, a probe in the answers): {", ".join(parts)}'


__all__ = ['Answer', 'Outcome', 'PhaseResult', 'Settings', 'own_videos']
