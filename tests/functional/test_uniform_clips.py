"""Test clips: recorded runs of the originals and hand cases."""

import numpy as np
import pytest
from conftest import recorded

from auxskd_mm.errors import InputError
from auxskd_mm.functional import centred_clips, even_crops
from auxskd_mm.functional.uniform_clips import evenly_spread


def test_centred_clips_are_the_recorded_ones():
    cases = recorded('sampling_vcop')['test_clips']
    assert len(cases) == 11
    for num_frames, clip_len, num_clips, starts in cases:
        assert centred_clips(num_frames, clip_len, num_clips)[:, 0].tolist() == starts


def test_ten_centres_by_hand():
    # 16 frames of 100: centres 8, 17.33, 26.67, ..., 92, less half a clip, cut to whole frames.
    clips = centred_clips(100, 16)
    assert clips[:, 0].tolist() == [0, 9, 18, 28, 37, 46, 56, 65, 74, 84]
    assert (clips == clips[:, :1] + np.arange(16)).all()
    assert clips.max() == 99
    assert centred_clips(16, 16)[:, 0].tolist() == [0] * 10
    # Odd length: centres 1.5, 3, 4.5 less 1.5.
    assert centred_clips(6, 3, 3)[:, 0].tolist() == [0, 1, 3]


def test_even_crops_are_the_recorded_ones():
    cases = recorded('sampling_rspnet')['even']
    assert len(cases) == 40
    for num_frames, clip_len, num_clips, stride, expected in cases:
        result = even_crops(num_frames, clip_len, num_clips, stride)
        assert result.shape == (num_clips, clip_len)
        assert result.dtype == np.int64
        assert result.reshape(-1).tolist() == expected


def test_even_crops_by_hand():
    # Starts 0, 9.33, 18.67, ..., 84, rounded.
    assert even_crops(100, 16)[:, 0].tolist() == [0, 9, 19, 28, 37, 47, 56, 65, 75, 84]
    # A half is rounded to the even start: 0.5 -> 0.
    assert even_crops(5, 4, 3)[:, 0].tolist() == [0, 0, 1]
    assert even_crops(21, 4, 1, 2).tolist() == [[7, 9, 11, 13]]
    assert even_crops(3, 4, 2).tolist() == [[0, 1, 2, 0]] * 2


def test_bad_arguments_are_named():
    with pytest.raises(InputError, match=r'num_frames=15.*clip_len=16'):
        centred_clips(15, 16)
    for function in (centred_clips, even_crops):
        with pytest.raises(InputError, match='num_clips=0'):
            function(40, 16, 0)
    with pytest.raises(InputError, match='num_frames=0'):
        even_crops(0, 16)


def test_clips_of_one_frame():
    assert centred_clips(9, 1, 3).tolist() == [[0], [4], [8]]
    assert even_crops(9, 1, 3).tolist() == [[0], [4], [8]]


@pytest.mark.parametrize(('count', 'most', 'expected'), [(9, 3, [0, 4, 8]), (2, 5, [0, 1]), (1, 1, [0]), (7, 1, [0])])
def test_numbers_are_spread_from_the_first_to_the_last(count, most, expected):
    assert evenly_spread(count, most) == expected
