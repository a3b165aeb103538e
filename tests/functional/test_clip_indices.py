"""Frame indices compared with recorded runs of the original loaders, a second implementation and hand calculations."""

import json
from pathlib import Path

import numpy as np
import pytest

from auxskd_mm.errors import InputError
from auxskd_mm.functional.clip_indices import paced_offsets, segment_pace_indices, segment_window, wrap_indices

CASES = json.loads((Path(__file__).parents[1] / 'data' / 'sampling_segment_pace.json').read_text())


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
