"""VCOP's sampler: uniform starts and orders, and a label that belongs to the frames."""

from collections import Counter

import numpy as np
import pytest

from auxskd_mm.datasets.transforms import ClipOrderSample
from auxskd_mm.errors import InputError, VideoReadError
from auxskd_mm.functional import order_class

CHI2_999_41 = 74.7  # SciPy's chi2.ppf(0.999, 41)


def test_starts_and_orders_are_uniform_and_independent():
    np.random.seed(0)
    sampler, cells = ClipOrderSample(), Counter()
    for _ in range(8400):
        r = sampler.transform(dict(total_frames=70))
        clips = r['frame_inds'].reshape(3, 16)
        order = np.argsort(np.argsort(clips[:, 0]))  # the rank of each clip's start
        assert (np.sort(np.diff(np.sort(clips[:, 0]))) == 24).all()
        assert (np.diff(clips, axis=1) == 1).all()
        assert r['order_label'].tolist() == [order_class(order)]
        cells[(int(clips.min()), int(r['order_label'][0]))] += 1
    # Starts 0 .. 6, the last that fits, and six orders, the right one included.
    assert len(cells) == 7 * 6
    expected = 8400 / 42
    assert sum((n - expected) ** 2 / expected for n in cells.values()) < CHI2_999_41


@pytest.mark.parametrize(('tuple_len', 'interval', 'classes'), [(2, 0, 2), (3, 5, 6), (4, 1, 24), (5, 2, 120)])
def test_any_tuple_and_interval(tuple_len, interval, classes):
    np.random.seed(0)
    sampler = ClipOrderSample(clip_len=4, tuple_len=tuple_len, interval=interval)
    results = [sampler.transform(dict(total_frames=sampler.span)) for _ in range(12 * classes)]
    assert {int(r['order_label'][0]) for r in results} == set(range(classes))
    for r in results:
        assert (r['clip_len'], r['num_clips']) == (4, tuple_len)
        assert (r['frame_inds'].min(), r['frame_inds'].max()) == (0, sampler.span - 1)
        assert r['frame_inds'].dtype == r['order_label'].dtype == np.int64


def test_a_seed_fixes_the_draw_of_each_sample():
    sampler = ClipOrderSample(seed=1)
    first = [sampler.transform(dict(total_frames=200, sample_idx=i)) for i in range(40)]
    again = [sampler.transform(dict(total_frames=200, sample_idx=i)) for i in range(40)]
    assert all(a['frame_inds'].tolist() == b['frame_inds'].tolist() for a, b in zip(first, again))
    assert len({int(r['order_label'][0]) for r in first}) == 6


def test_a_video_shorter_than_the_tuple_is_named():
    message = r'a\.mp4: has 63 frames, but 3 clips of 16 with intervals of 8 span 64; use longer videos'
    with pytest.raises(VideoReadError, match=message):
        ClipOrderSample().transform(dict(total_frames=63, filename='a.mp4'))
    assert ClipOrderSample().transform(dict(total_frames=64))['frame_inds'].max() == 63


@pytest.mark.parametrize(
    ('settings', 'names'),
    [
        (dict(tuple_len=6), r'ClipOrderSample\.tuple_len=6: expected 2 to 5'),
        (dict(tuple_len=1), 'tuple_len=1'),
        (dict(interval=-1), r'ClipOrderSample\.interval=-1'),
        (dict(clip_len=0), 'clip_len=0'),
    ],
)
def test_impossible_settings_are_refused(settings, names):
    with pytest.raises(InputError, match=names):
        ClipOrderSample(**settings)
