"""The minutes are divided: no plan is longer than they are, and no row has too few steps to mean anything."""

import functools

import pytest

from auxskd_mm.errors import InputError
from auxskd_mm.own_videos.content import plan_of, read_content, rows_of
from auxskd_mm.own_videos.planner import (
    LADDER,
    Costs,
    Lengths,
    Task,
    describe_schedule,
    fixed_schedule,
    make_schedule,
    missing_rows,
)

FAMILIES = ('late', 'early', 'pixels')
COSTS = Costs(
    dict(late=0.015, early=0.006, pixels=0.001),
    dict(late=0.1, early=0.15, pixels=0.3, late_stage=0.6, early_adapters=0.25),
    {
        **dict(pace_late=0.1, pace_early=0.1, pace_pixels=0.2, vspp_late=0.1, vspp_early=0.1, vspp_pixels=0.2),
        **dict(rank_late=0.14, rank_early=0.15, rank_pixels=0.3, vspp_early_adapters=0.12),
    },
    dict.fromkeys(FAMILIES, 20_000.0),
)


@functools.cache
def content(public):
    return read_content(dict(public=public))


def task(public=True, **changes):
    given = content(public)
    settings = dict(frames=20_000, clips=200, pool=250, splits=10, jobs=2, rows=rows_of(given), **plan_of(given))
    return Task(**{**settings, **changes})


def seconds_by_hand(schedule, given):
    """The sum of the plan once more: packing, then each row in each split, the probes one by one, one chosen row
    again, and the end."""
    families = {given.rows[name]['family'] for name in schedule.rows}
    packing = given.frames * (0.004 + sum(COSTS.packing[family] for family in families))
    taken = []
    for name in schedule.rows:
        learner, phase, trains = (given.rows[name][key] for key in ('learner', 'phase', 'trains'))
        one = 5.0
        if trains:
            one = 5.0 + schedule.tune_steps * COSTS.tuning[learner]
            one += (5.0 + schedule.pretext_steps * COSTS.pretext[phase]) if phase else 0.0
        taken.append(one)
    probes = 3.0 * schedule.splits * sum(not given.rows[name]['trains'] for name in schedule.rows)
    return (packing + schedule.splits * sum(taken)) / given.jobs + probes + max(taken) + 30.0


@pytest.mark.parametrize('minutes', [8, 12, 20, 30, 60, 120])
def test_no_plan_is_longer_than_the_minutes(minutes):
    schedule = make_schedule(minutes, COSTS, task())
    assert schedule.total <= 60 * minutes
    assert schedule.total == pytest.approx(seconds_by_hand(schedule, task()))
    assert (schedule.tune_steps, schedule.pretext_steps) in LADDER
    assert schedule.splits >= 3
    assert {'late_frozen', 'early_frozen', 'late_still', 'early_still'} <= set(schedule.rows)


def test_more_minutes_bring_more():
    plans = [make_schedule(minutes, COSTS, task()) for minutes in (8, 15, 30, 240)]
    work = [plan.total for plan in plans]
    assert work == sorted(work)
    assert set(plans[0].rows) <= set(plans[-1].rows)
    assert plans[-1].left_out == {}


def test_what_the_minutes_do_not_reach_is_left_out_with_the_reason():
    schedule = make_schedule(8, COSTS, task())
    assert schedule.left_out
    assert not set(schedule.left_out) & set(schedule.rows)
    assert all('8 minutes do not reach for it' in reason for reason in schedule.left_out.values())
    # No row of this plan uses pixels, so a row on them needs their packing, too.
    given = task()
    steps = 5.0 + schedule.tune_steps * COSTS.tuning['pixels']
    minutes = (schedule.splits * steps + given.frames * COSTS.packing['pixels']) / given.jobs / 60
    assert 'pack pixels' not in schedule.seconds
    assert schedule.left_out['pixels_tuned'].endswith(f'it takes about {minutes:.1f} minutes more')


def test_the_reason_of_the_first_row_of_each_kind():
    given = task()
    schedule = make_schedule(8, COSTS, given)
    schedule.left_out = {
        'late_frozen': 'a',
        'early_pace_frozen': 'b',
        'early_vspp': 'c',
        'late_tuned': 'd',
        'late_pace': 'e',
    }
    assert missing_rows(schedule, given) == {True: 'c', False: 'd'}
    schedule.left_out = {}
    assert missing_rows(schedule, given) == {}


def test_a_plan_with_a_row_that_the_recipe_lacks_is_refused():
    changed = read_content(dict(public=True))
    changed.additions = [dict(rows=('early_vcop',), worth=1.0)]
    with pytest.raises(InputError, match="always and additions name the row 'early_vcop'; expected one of late_frozen"):
        plan_of(changed)


def test_too_few_minutes_are_one_line_with_the_number_that_would_do():
    with pytest.raises(InputError, match=r'--minutes 0.5: too few .* about [\d.]+ minutes'):
        make_schedule(0.5, COSTS, task())


def test_few_clips_are_not_learned_by_heart():
    schedule = make_schedule(600, COSTS, task(clips=20, pool=20))
    assert schedule.tune_steps * 16 <= 150 * 20


def test_an_extension_keeps_the_steps_so_that_finished_cells_count():
    before = make_schedule(12, COSTS, task())
    after = make_schedule(30, COSTS, task(), before)
    assert (after.tune_steps, after.pretext_steps) == (before.tune_steps, before.pretext_steps)
    assert set(after.rows) > set(before.rows) or after.splits > before.splits


@pytest.mark.parametrize(('clips', 'few', 'more'), [(40, 25, 45), (40, 90, 120), (100, 10, 20)])
def test_an_extension_takes_away_no_row_and_no_split(clips, few, more):
    given = task(clips=clips, frames=3000 if few != 25 else 20_000)
    before = make_schedule(few, COSTS, given)
    after = make_schedule(more, COSTS, given, before)
    assert set(before.rows) <= set(after.rows)
    assert after.splits >= before.splits
    assert (after.tune_steps, after.pretext_steps) == (before.tune_steps, before.pretext_steps)
    assert after.total <= 60 * more


def test_rows_that_an_earlier_version_took_first_stay():
    """Its plan had pixels_pace before the rows with adapters."""
    given = task()
    before = make_schedule(30, COSTS, given)
    before.rows = [*given.always, 'early_tuned', 'pixels_pace', 'pixels_pace_frozen', 'gone']
    before.splits = 3
    after = make_schedule(31, COSTS, given, before)
    assert {*before.rows} - {*after.rows} == {'gone'}
    assert not set(after.rows) & set(after.left_out)
    slow = make_schedule(8, COSTS, given, before)  # the minutes do not reach for them any more
    assert slow.total <= 60 * 8


def test_without_public_weights_a_network_is_trained_on_pixels():
    schedule = make_schedule(30, COSTS, task(public=False))
    assert {'pixels_tuned', 'pixels_still_tuned', 'pixels_pace'} <= set(schedule.rows)


def test_few_groups_allow_few_splits():
    assert make_schedule(60, COSTS, task(splits=2)).splits == 2
    assert make_schedule(60, COSTS, task(splits=1)).splits == 1


def test_the_printed_plan_counts_the_clips_seen_per_video():
    schedule = make_schedule(30, COSTS, task())
    lines = '\n'.join(describe_schedule(schedule, task()))
    tune, pretext = schedule.tune_steps, schedule.pretext_steps
    line = next(line for line in lines.split('\n') if line.startswith('early_pace '))
    assert f'{pretext} + {tune}' in line
    assert f'{16 * pretext / 250:.0f} + {16 * tune / 200:.0f}' in line
    assert f'total: about {schedule.total / 60:.0f} minutes' in lines


def test_given_lengths_are_kept_on_a_slow_machine():
    rows = ('late_frozen', 'early_tuned', 'early_pace')
    for slow in (1, 20):
        costs = Costs(*({k: slow * v for k, v in part.items()} for part in vars(COSTS).values()))
        made = fixed_schedule(Lengths(rows, 3, 100, 200), costs, task())
        assert (made.rows, made.splits, made.tune_steps, made.pretext_steps) == (list(rows), 3, 100, 200)
        assert made.total <= 60 * made.minutes < made.total + 60
    assert made.left_out == {}
    with pytest.raises(InputError, match='early_pace: no such row without public weights'):
        fixed_schedule(Lengths(('early_pace',), 3, 100, 200), COSTS, task(public=False))
    with pytest.raises(InputError, match='the groups allow only 2'):
        fixed_schedule(Lengths(rows, 3, 100, 200), COSTS, task(splits=2))
