"""RSPNet's sampler: two independent runs of consecutive frames, uniform over every start that fits."""

from collections import Counter

import numpy as np
import pytest

from auxskd_mm.datasets.transforms import RelativeSpeedSample
from auxskd_mm.errors import InputError, VideoReadError

CHI2_999_80 = 124.8  # SciPy's chi2.ppf(0.999, 80)


def draws(sampler, count, **results):
    np.random.seed(0)
    return [sampler.transform(dict(results)) for _ in range(count)]


def test_query_and_key_are_independent_and_uniform():
    cells = Counter()
    for r in draws(RelativeSpeedSample(), 8100, total_frames=40):
        views = r['frame_inds'].reshape(2, 32)
        assert (np.diff(views, axis=1) == 1).all()
        cells[tuple(views[:, 0].tolist())] += 1
    # randint(0, 40 - 32), both ends included: nine starts for each view.
    assert len(cells) == 81
    assert sum((n - 100) ** 2 / 100 for n in cells.values()) < CHI2_999_80


def test_what_is_written():
    (r,) = draws(RelativeSpeedSample(clip_len=8, max_speed=3, num_views=1), 1, total_frames=90)
    assert (r['clip_len'], r['num_clips'], r['frame_interval']) == (24, 1, 1)
    assert r['frame_inds'].shape == (24,)
    assert r['frame_inds'].dtype == np.int64
    assert not [key for key in r if 'label' in key]


@pytest.mark.parametrize('num_frames', [1, 5, 31, 32])
def test_a_short_video_is_gone_round(num_frames):
    (r,) = draws(RelativeSpeedSample(), 1, total_frames=num_frames)
    assert r['frame_inds'].reshape(2, 32).tolist() == [[i % num_frames for i in range(32)]] * 2


def test_another_frame_rate():
    for r in draws(RelativeSpeedSample(clip_len=4, num_views=1, fps=12), 50, total_frames=40, avg_fps=24.0):
        # Every second of 40 frames: 20 to draw 8 consecutive ones from.
        assert (np.diff(r['frame_inds']) == 2).all()
        assert r['frame_inds'][0] % 2 == 0
        assert r['frame_inds'].max() < 40
    starts = {
        int(r['frame_inds'][0])
        for r in draws(RelativeSpeedSample(clip_len=4, num_views=1, fps=12), 300, total_frames=40, avg_fps=24.0)
    }
    assert starts == set(range(0, 26, 2))


def test_a_seed_fixes_the_draw_of_each_sample():
    sampler = RelativeSpeedSample(seed=1)
    first = [sampler.transform(dict(total_frames=200, sample_idx=i)) for i in range(40)]
    again = [sampler.transform(dict(total_frames=200, sample_idx=i)) for i in range(40)]
    assert all(a['frame_inds'].tolist() == b['frame_inds'].tolist() for a, b in zip(first, again))
    assert len({tuple(r['frame_inds']) for r in first}) == 40


def test_bad_input_is_named():
    for settings in (dict(clip_len=0), dict(max_speed=0), dict(num_views=0), dict(fps=0)):
        ((key, value),) = settings.items()
        with pytest.raises(InputError, match=f'{key}={value}'):
            RelativeSpeedSample(**settings)
    with pytest.raises(InputError, match=r'frames/a: has no frame rate.*fps=None'):
        RelativeSpeedSample(fps=25).transform(dict(total_frames=90, avg_fps=None, filename='frames/a'))
    with pytest.raises(VideoReadError, match=r'a\.mp4: nothing is left of its 1 frames'):
        RelativeSpeedSample(fps=10).transform(dict(total_frames=1, avg_fps=25.0, filename='a.mp4'))
    with pytest.raises(VideoReadError, match='holds no frames'):
        RelativeSpeedSample().transform(dict(total_frames=0, filename='a.mp4'))
