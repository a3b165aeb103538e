"""Frames at any pace: recorded runs of VideoPace's loader, a literal second implementation in fractions, hand cases."""

from fractions import Fraction

import numpy as np
import pytest
from conftest import recorded

from auxskd_mm.errors import InputError
from auxskd_mm.functional import neighbour_frames, pace_indices, pace_positions, pace_span, segment_pace_indices
from auxskd_mm.functional.pace import pace_names


def test_equal_to_the_recorded_loader():
    cases = recorded('sampling_videopace')['pace']
    assert len(cases) == 150
    for num_frames, clip_len, pace, start, expected in cases:
        result = pace_indices(num_frames, clip_len, pace, start)
        assert result.tolist() == expected, (num_frames, clip_len, pace, start)
        assert result.dtype == np.int64


def literal(num_frames, clip_len, pace, start):
    """The recurrence step by step, without rounding."""
    position = Fraction(start)
    positions = [position]
    for _ in range(clip_len - 1):
        position = position + pace if position + pace < num_frames else Fraction(0)
        positions.append(position)
    return positions


@pytest.mark.parametrize('pace', ['1/4', '1/3', '1/2', '7/10', '3/4', '1', '15/11', '3/2', '5/2', '29/100', '4'])
def test_any_pace_against_exact_fractions(pace):
    for num_frames in (1, 2, 7, 16, 40):
        for start in (0, num_frames // 2, num_frames - 1):
            expected = literal(num_frames, 64, Fraction(pace), start)
            positions = pace_positions(num_frames, 64, float(Fraction(pace)), start)
            np.testing.assert_allclose(positions, [float(p) for p in expected], atol=1e-8)
            low, high, weight = neighbour_frames(positions, num_frames)
            # Whole numbers must come out whole: 11 steps of 15/11 show frame 15, not 14.
            assert low.tolist() == [int(p) for p in expected]
            assert pace_indices(num_frames, 64, float(Fraction(pace)), start).tolist() == low.tolist()
            assert high.max() < num_frames
            behind_the_last = low == num_frames - 1
            fraction = np.array([float(p % 1) for p in expected])
            np.testing.assert_allclose(weight, np.where(behind_the_last, 0, fraction), atol=1e-8)
            assert ((high == low + 1) == (weight > 0)).all()


def test_whole_paces_are_the_whole_clip_of_segment_pace():
    for num_frames in (1, 3, 17, 90):
        for pace in (1, 2, 3, 4):
            for start in range(num_frames):
                expected = segment_pace_indices(num_frames, 16, None, None, pace, start)
                assert pace_indices(num_frames, 16, pace, start).tolist() == expected.tolist()


def test_a_clip_of_one_frame_is_its_start():
    assert pace_indices(10, 1, 2, 3).tolist() == [3]


def test_slow_motion_by_hand():
    assert pace_indices(10, 6, 0.5, 7).tolist() == [7, 7, 8, 8, 9, 9]
    # The last frame is shown twice as well, then the clip goes on at the first.
    assert pace_indices(10, 8, 0.5, 8).tolist() == [8, 8, 9, 9, 0, 0, 1, 1]
    low, high, weight = neighbour_frames(pace_positions(10, 6, 0.5, 8), 10)
    assert low.tolist() == [8, 8, 9, 9, 0, 0]
    assert high.tolist() == [8, 9, 9, 9, 0, 1]
    assert weight.tolist() == [0, 0.5, 0, 0, 0, 0.5]


def test_a_clip_fits_exactly_into_its_span():
    for pace in (0.1, 0.25, 0.5, 0.7, 1, 1.5, 2, 4):
        span = pace_span(16, pace)
        positions = pace_positions(span, 16, pace, 0)
        assert (np.diff(positions) > 0).all()
        # The last position has a frame on either side, and no frame is needed beyond.
        assert span - 2 < positions[-1] <= span - 1
    assert [pace_span(16, pace) for pace in (1, 2, 4, 0.5)] == [16, 31, 61, 9]


@pytest.mark.parametrize(
    ('arguments', 'names'),
    [
        ((0, 16, 1, 0), 'num_frames=0'),
        ((9, 0, 1, 0), 'clip_len=0'),
        ((9, 16, 0, 0), 'pace=0'),
        ((9, 16, float('nan'), 0), 'pace=nan'),
        ((9, 16, 1, 9), 'start=9'),
    ],
)
def test_bad_arguments_are_named(arguments, names):
    with pytest.raises(InputError, match=names):
        pace_positions(*arguments)


def test_names():
    assert pace_names((0.5, 1, 2.0, 4 / 3)) == ('0.5x', '1x', '2x', '1.33333x')
