"""Strided crops and resampling: recorded runs of RSPNet's transforms and hand cases."""

from fractions import Fraction

import numpy as np
import pytest
from conftest import recorded

from auxskd_mm.errors import InputError
from auxskd_mm.functional import frames_needed, resample_indices, short_video_crop, strided_crop

CASES = recorded('sampling_rspnet')


def test_strided_crops_are_the_recorded_ones():
    assert len(CASES['strided']) == 60
    for num_frames, clip_len, stride, start, expected in CASES['strided']:
        result = strided_crop(num_frames, clip_len, stride, start or 0)
        assert result.tolist() == expected
        assert result.dtype == np.int64
        # The original draws no start exactly where the video is too short to choose one.
        assert (short_video_crop(num_frames, clip_len, stride) is None) == (start is not None)


def test_resampling_is_the_recorded_one():
    assert len(CASES['resample']) == 8
    for num_frames, source_fps, target_fps, expected in CASES['resample']:
        result = resample_indices(num_frames, source_fps, target_fps)
        assert result.tolist() == expected
        assert result.dtype == np.int64


def test_short_videos_by_hand():
    assert strided_crop(3, 7, 2, 0).tolist() == [0, 1, 2, 0, 1, 2, 0]
    # Nine frames at stride 3 need 10 for four positions: spread over all nine, 2.67 and 5.33 rounded.
    assert frames_needed(4, 3) == 10
    assert strided_crop(9, 4, 3, 0).tolist() == [0, 3, 5, 8]
    assert strided_crop(10, 4, 3, 0).tolist() == [0, 3, 6, 9]
    assert strided_crop(12, 4, 3, 2).tolist() == [2, 5, 8, 11]
    # As many frames as the clip has: gone round once, whatever the stride.
    assert strided_crop(4, 4, 3, 0).tolist() == [0, 1, 2, 3]


def test_resampling_against_exact_fractions():
    for num_frames in (1, 17, 100):
        for source, target in ((30, 25), (25, 30), (24, 25), (50, 25), (15, 60)):
            step = Fraction(source, target)
            # A whole ratio keeps the last partial step, any other drops it.
            count = -(-num_frames // step) if step.denominator == 1 else num_frames // step
            expected = [i * step // 1 for i in range(count)]
            assert resample_indices(num_frames, source, target).tolist() == expected
    assert resample_indices(1, 30, 25).tolist() == []


@pytest.mark.parametrize(
    ('call', 'names'),
    [
        (lambda: strided_crop(0, 16, 1, 0), 'num_frames=0'),
        (lambda: strided_crop(40, 16, 0, 0), 'stride=0'),
        (lambda: strided_crop(40, 0, 1, 0), 'clip_len=0'),
        (lambda: strided_crop(40, 16, 1, 25), r'start=25 is not in \[0, 24\]'),
        (lambda: strided_crop(10, 16, 1, 1), r'start=1 is not in \[0, 0\]'),
        (lambda: resample_indices(40, 0, 25), 'source_fps=0'),
        (lambda: resample_indices(40, 25, -1), 'target_fps=-1'),
        (lambda: resample_indices(40, 25, 0), 'target_fps=0'),
    ],
)
def test_bad_arguments_are_named(call, names):
    with pytest.raises(InputError, match=names):
        call()
