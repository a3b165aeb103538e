"""Frame indices compared with recorded runs of the original loaders, a second implementation and hand calculations."""

import json
from pathlib import Path

import numpy as np
import pytest

from auxskd_mm.errors import InputError
from auxskd_mm.functional.clip_indices import (
    paced_offsets,
    pecop_indices,
    segment_pace_indices,
    segment_window,
    wrap_indices,
)

DATA = Path(__file__).parents[1] / 'data'
CASES = json.loads((DATA / 'sampling_segment_pace.json').read_text())
PECOP_CASES = json.loads((DATA / 'sampling_pecop.json').read_text())['cases']


@pytest.mark.parametrize(('method', 'lookahead'), [('vspp', 1), ('videopace', 1), ('auxskd', 3)])
def test_equal_to_recorded_loaders(method, lookahead):
    assert len(CASES[method]) == 250
    for *arguments, expected in CASES[method]:
        result = segment_pace_indices(*arguments, lookahead=lookahead)
        assert result.tolist() == expected, arguments
        assert result.dtype == np.int64


def test_inside_the_video_where_the_original_is_not():
    assert len(CASES['out_of_range']) == 10
    for *arguments, recorded, method in CASES['out_of_range']:
        assert max(recorded) >= arguments[0]  # the case is what it claims to be
        result = segment_pace_indices(*arguments, lookahead=3 if method == 'auxskd' else 1)
        outside = next(i for i, frame in enumerate(recorded) if frame >= arguments[0])
        assert result[:outside].tolist() == recorded[:outside]
        assert result[outside] == 0
        assert result.max() < arguments[0]


def test_examples_of_the_specification():
    # num_frames 100, start 10 (1-based), speed 2, clip 16, four segments.
    first = [10, 12, 14, 16, 18, *range(19, 30)]
    second = [10, 11, 12, 13, 15, 17, 19, 21, 23, *range(24, 31)]
    fourth = [*range(10, 22), 23, 25, 27, 29]
    for segment, expected in ((0, first), (1, second), (3, fourth)):
        assert (segment_pace_indices(100, 16, 4, segment, 2, 9) + 1).tolist() == expected
    vspp = segment_pace_indices(20, 16, 4, 0, 4, 3) + 1
    auxskd = segment_pace_indices(20, 16, 4, 0, 4, 3, lookahead=3) + 1
    assert vspp.tolist() == [4, 8, 12, 16, 20, *range(1, 12)]
    assert auxskd.tolist() == [4, 8, 12, 1, *range(5, 17)]


def literal(num_frames, clip_len, num_segments, segment, speed, start, lookahead):
    """The recurrence in 1-based numbers, window ends by float division, as the specification writes it."""
    a = int((segment / num_segments) * clip_len)
    b = int(((segment + 1) / num_segments) * clip_len)

    def c(i):
        return speed if a <= i <= b else 1

    frames = [start + 1]
    for i in range(clip_len - 1):
        frames.append(1 if frames[i] + lookahead * c(i) > num_frames else frames[i] + c(i + 1))
    return [frame - 1 for frame in frames]


def test_sweep_against_the_literal_recurrence():
    compared = 0
    for num_frames in (1, 5, 16, 17, 33, 80):
        for start in range(num_frames):
            for segment in range(4):
                for speed in (1, 2, 3, 4):
                    for lookahead in (1, 3):
                        expected = literal(num_frames, 16, 4, segment, speed, start, lookahead)
                        got = segment_pace_indices(num_frames, 16, 4, segment, speed, start, lookahead=lookahead)
                        assert got.min() >= 0
                        assert got.max() < num_frames
                        if max(expected) < num_frames:
                            assert got.tolist() == expected
                            compared += 1
    assert compared > 4000


def test_offsets_are_the_unwrapped_indices():
    for segment in range(4):
        for speed in range(1, 5):
            offsets = paced_offsets(16, 4, segment, speed)
            assert (offsets + 7).tolist() == segment_pace_indices(1000, 16, 4, segment, speed, 7).tolist()
    assert paced_offsets(4, None, None, 3).tolist() == [0, 3, 6, 9]


def test_window_and_wrap():
    assert [segment_window(16, 4, s) for s in range(4)] == [(0, 4), (4, 8), (8, 12), (12, 16)]
    assert wrap_indices(np.array([0, 1, 4, 5]), 0, 3).tolist() == [0, 1, 1, 2]


@pytest.mark.parametrize(
    ('arguments', 'names'),
    [
        ((0, 16, 4, 0, 1, 0), 'num_frames=0'),
        ((20, 16, 4, 4, 1, 0), 'segment=4'),
        ((20, 16, 4, 0, 0, 0), 'speed=0'),
        ((20, 16, 4, 0, 1, 20), 'start=20'),
        ((20, 0, 4, 0, 1, 0), 'clip_len=0'),
        ((20, 4, 8, 0, 1, 0), 'num_segments=8'),
    ],
)
def test_bad_arguments_are_named(arguments, names):
    with pytest.raises(InputError, match=names):
        segment_pace_indices(*arguments)


def test_disjoint_windows():
    assert [segment_window(16, 4, s, disjoint=True) for s in range(4)] == [(0, 3), (4, 7), (8, 11), (12, 15)]
    # By hand: positions 2 and 3 of 8 are paced, so the steps into them are 3 frames and all others 1.
    assert paced_offsets(8, 4, 1, 3, disjoint=True).tolist() == [0, 1, 4, 7, 8, 9, 10, 11]
    assert segment_pace_indices(50, 8, 4, 1, 3, 5, disjoint=True).tolist() == [5, 6, 9, 12, 13, 14, 15, 16]
    assert paced_offsets(8, 4, 1, 3).tolist() == [0, 1, 4, 7, 10, 11, 12, 13]


def test_a_base_step_is_the_step_outside_the_segment():
    # By hand: positions 2 to 4 of 8 are paced (the end is included), so the steps into them are 1 and all others 3.
    assert paced_offsets(8, 4, 1, 1, base_step=3).tolist() == [0, 3, 4, 5, 6, 9, 12, 15]
    assert segment_pace_indices(100, 8, 4, 1, 1, 5, base_step=3).tolist() == [5, 8, 9, 10, 11, 14, 17, 20]
    # Frame 17 of 20 is left outside the segment: 17 + 3 reaches past the end.
    assert segment_pace_indices(20, 8, 4, 1, 1, 5, base_step=3).tolist() == [5, 8, 9, 10, 11, 14, 17, 0]
    with pytest.raises(InputError, match='base_step=0'):
        segment_pace_indices(20, 16, 4, 0, 1, 0, base_step=0)


def test_pecop_equals_the_recorded_loader():
    assert len(PECOP_CASES) == 780
    wrapped = beyond = 0
    for *arguments, expected in PECOP_CASES:
        result = pecop_indices(*arguments)
        assert result.tolist() == expected, arguments
        assert result.dtype == np.int64
        wrapped += bool((np.diff(result) < 0).any())
        beyond += bool(max(expected) > arguments[0] - 4)
    # The note of the recorded file: the cases hold what is easy to get wrong.
    assert (wrapped, beyond) == (533, 6)


def literal_pecop(num_frames, clip_len, num_segments, segment, speed, base_step, start):
    """The recurrence in 1-based numbers with its four rules, window ends by float division."""
    limit = num_frames - 3
    a, b = int(segment * (clip_len / num_segments)), int((segment + 1) * (clip_len / num_segments))
    frames = [start + 1]
    for i in range(clip_len - 1):
        f, inside = frames[i], a <= i <= b
        if f + (speed if inside else 4) > limit:
            frames.append(1)
        elif a <= i + 1 <= b:
            frames.append(f + speed)
        elif inside:
            frames.append(f + 1)
        else:
            frames.append(f + base_step)
    return [frame - 1 for frame in frames]


def test_pecop_sweep_against_the_literal_recurrence():
    compared = 0
    for clip_len, num_segments in ((16, 4), (32, 4), (12, 3), (8, 8)):
        for num_frames in (clip_len + 4, 41, 60, 111):
            for base_step in range(1, 7):
                for speed in set(range(1, 6)) - {base_step}:
                    for segment in range(num_segments):
                        for start in range(0, max(num_frames - 3 - clip_len, 1), 7):
                            case = (num_frames, clip_len, num_segments, segment, speed, base_step, start)
                            expected = literal_pecop(*case)
                            got = pecop_indices(*case)
                            assert 0 <= got.min() <= got.max() < num_frames
                            if max(expected) < num_frames:
                                assert got.tolist() == expected, case
                                compared += 1
    assert compared > 10000


def test_examples_of_pecop():
    # 1-based, as the specification writes them; num_frames 103 and 60.
    first = [*range(10, 27, 2), *range(27, 50)]
    assert (pecop_indices(103, 32, 4, 0, 2, 1, 9) + 1).tolist() == first
    second = [*range(10, 32, 3), *range(36, 77, 5), *range(77, 99, 3), *range(1, 20, 3)]
    assert (pecop_indices(103, 32, 4, 1, 5, 3, 9) + 1).tolist() == second
    fourth = [*range(20, 57, 3), *range(1, 32, 3), *range(35, 56, 4), 1, 5]
    assert (pecop_indices(60, 32, 4, 3, 4, 3, 19) + 1).tolist() == fourth


@pytest.mark.parametrize('num_frames', [1, 2, 3, 4, 9])
def test_pecop_stays_inside_videos_that_are_too_short_for_it(num_frames):
    for segment in range(4):
        for speed in (1, 2, 4, 5, 9):
            frames = pecop_indices(num_frames, 16, 4, segment, speed, 3, 0)
            assert 0 <= frames.min() <= frames.max() < num_frames


@pytest.mark.parametrize(
    ('arguments', 'names'),
    [
        ((0, 16, 4, 0, 1, 3, 0), 'num_frames=0'),
        ((40, 16, 4, 4, 1, 3, 0), 'segment=4'),
        ((40, 16, 4, 0, 0, 3, 0), 'speed=0'),
        ((40, 16, 4, 0, 1, 0, 0), 'base_step=0'),
        ((40, 16, 4, 0, 1, 3, 40), 'start=40'),
        ((40, 0, 4, 0, 1, 3, 0), 'clip_len=0'),
    ],
)
def test_bad_arguments_of_pecop_are_named(arguments, names):
    with pytest.raises(InputError, match=names):
        pecop_indices(*arguments)
