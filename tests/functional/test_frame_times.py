"""Frames at a rate by time stamps, against exact fractions; rounded time stamps and joined clocks."""

from fractions import Fraction

import numpy as np
import pytest

from auxskd_mm.functional import are_even, even_times, frames_at_steps, steps_of_video, without_jumps


def nearest(times, moment):
    """The nearest time, of two the earlier, in whole numbers."""
    return min(range(len(times)), key=lambda i: (abs(times[i] - moment), i))


@pytest.mark.parametrize('fps', [1, 5, 12, 15, 24, 25, 30, 60])
@pytest.mark.parametrize('source', [24, 25, 30, 60, Fraction(30000, 1001), Fraction(24000, 1001)])
def test_frames_of_a_constant_rate_against_fractions(source, fps):
    count = 90
    exact = [i / Fraction(source) for i in range(count)]
    times = np.asarray([float(time) for time in exact])
    steps = steps_of_video(times, fps)
    # A step more counts where it is whole but for a twentieth.
    assert steps == int(count / Fraction(source) * fps + Fraction(1, 20))
    expected = [nearest(exact, Fraction(step, fps)) for step in range(steps)]
    found = frames_at_steps(times, fps, np.arange(steps))
    assert found.tolist() == expected
    assert found.dtype == np.int64
    errors = np.abs(times[found] - np.arange(steps) / fps)
    assert errors[np.arange(steps) / fps <= times[-1]].max() <= 0.5 / source + 1e-9
    assert errors.max() <= 1 / source


@pytest.mark.parametrize('seed', range(20))
def test_frames_of_a_varying_rate_against_fractions(seed):
    generator = np.random.RandomState(seed)
    ticks = np.concatenate([[0], np.cumsum(generator.randint(1, 200, generator.randint(1, 60)))]).tolist()
    exact = [Fraction(tick, 600) for tick in ticks]
    times = np.asarray(ticks) / 600
    steps = generator.randint(0, 100, (3, 7))
    expected = [[nearest(exact, Fraction(int(step), 12)) for step in row] for row in steps]
    assert frames_at_steps(times, 12, steps).tolist() == expected


@pytest.mark.parametrize('rate', [24, 25, 30, 60, 23.976])
def test_the_rate_of_the_file_changes_nothing(rate):
    times = np.arange(100) / rate
    assert steps_of_video(times, rate) == 100
    assert frames_at_steps(times, rate, np.arange(100)).tolist() == list(range(100))


@pytest.mark.parametrize('rate', [24, 25, 30, 50, 60, 30000 / 1001])
def test_rounding_to_milliseconds_changes_nothing(rate):
    exact = np.arange(500) / rate
    rounded = np.round(exact * 1000 + 400.4) / 1000
    rounded -= rounded[0]
    assert not np.array_equal(rounded, exact)
    assert even_times(rounded, rate).tolist() == exact.tolist()
    assert are_even(rounded)
    # A frame that is really late stays late, and nothing is said without a rate.
    late = exact + 0.5 / rate * (np.arange(500) == 250)
    assert even_times(late, rate) is late
    assert not are_even(late)
    assert even_times(rounded, None) is rounded


def test_durations():
    assert steps_of_video(np.asarray([0.0]), 10, 25) == 0
    assert steps_of_video(np.asarray([0.0]), 30, 25) == 1
    assert steps_of_video(np.asarray([0.0]), 30) == 0
    # The last frame counts as long as the median frame: 0, 1, 2, 3, 8 last 9 seconds.
    assert steps_of_video(np.asarray([0.0, 1.0, 2.0, 3.0, 8.0]), 2) == 18
    # Steps after the last frame show it.
    assert frames_at_steps(np.asarray([0.0, 1.0]), 1, np.asarray([5, 0])).tolist() == [1, 0]
    assert frames_at_steps(np.asarray([0.0]), 1, np.asarray([0, 3])).tolist() == [0, 0]


def test_a_gap_of_joined_clocks_is_closed_and_a_pause_stays():
    pause = np.asarray([0.0, 0.5, 10.5, 11.0])  # of 10 s
    assert without_jumps(pause) is pause
    joined = np.asarray([0.0, 0.5, 1.0, 90000.0, 90000.5])
    assert without_jumps(joined).tolist() == [0.0, 0.5, 1.0, 1.5, 2.0]
    assert without_jumps(np.asarray([0.0, 1.0, 13.0])).tolist() == [0.0, 1.0, 2.0]
    assert without_jumps(np.asarray([0.0, 50.0])).tolist() == [0.0, 0.0]
