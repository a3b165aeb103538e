"""VideoPace's sampler: its draws against the loader's description, slow motion against the frames of a real video."""

from collections import Counter

import numpy as np
import pytest
from conftest import read_count

from auxskd_mm.datasets.transforms import BlendFrames, DecodeClips, OpenVideo, PaceSample
from auxskd_mm.errors import InputError, VideoReadError
from auxskd_mm.functional import pace_indices, pace_span

# 99.9% quantiles of chi-square, from SciPy's chi2.ppf(0.999, df).
CHI2_999 = {11: 31.26, 159: 219.8}


def draws(sampler, num_frames, count, seed=0):
    np.random.seed(seed)
    return [sampler.transform(dict(total_frames=num_frames)) for _ in range(count)]


def chi_square(counter, cells):
    expected = sum(counter.values()) / cells
    assert len(counter) == cells
    return sum((n - expected) ** 2 / expected for n in counter.values())


def test_faithful_pace_and_start_are_uniform_and_independent():
    results = draws(PaceSample(), 40, 16000)
    cells = Counter((int(r['pace_label'][0]), int(r['frame_inds'][0])) for r in results)
    # Every frame of the video is a start, the last included.
    assert chi_square(cells, 4 * 40) < CHI2_999[159]


@pytest.mark.parametrize('num_frames', [1, 2, 15, 16, 61, 300])
@pytest.mark.parametrize('mode', ['faithful', 'fit'])
def test_frames_belong_to_the_label(mode, num_frames):
    for r in draws(PaceSample(mode=mode, num_views=2), num_frames, 60):
        assert r['pace_label'].dtype == r['frame_inds'].dtype == np.int64
        assert (r['clip_len'], r['num_clips']) == (16, 2)
        for label, frames in zip(r['pace_label'], r['frame_inds'].reshape(2, 16)):
            assert frames.tolist() == pace_indices(num_frames, 16, int(label) + 1, int(frames[0])).tolist()


def test_fit_never_wraps_and_uses_every_start_that_fits():
    longest = pace_span(16, 4)
    results = draws(PaceSample(mode='fit'), longest, 3000)
    assert all((np.diff(r['frame_inds']) > 0).all() for r in results)
    starts = {label: {int(r['frame_inds'][0]) for r in results if r['pace_label'][0] == label} for label in range(4)}
    assert starts == {label: set(range(longest - 15 * (label + 1))) for label in range(4)}
    # The same video wraps in the faithful mode, so the assertion above can fail.
    assert any((np.diff(r['frame_inds']) < 0).any() for r in draws(PaceSample(), longest, 200))


def test_views_differ_in_pace_and_start_independently():
    results = draws(PaceSample(num_views=2), 300, 6000)
    pairs = Counter(tuple(int(x) for x in r['pace_label']) for r in results)
    assert all(a != b for a, b in pairs)
    assert chi_square(pairs, 12) < CHI2_999[11]
    starts = np.array([r['frame_inds'].reshape(2, 16)[:, 0] for r in results])
    assert abs(np.corrcoef(starts.T)[0, 1]) < 0.05
    # All four views of a video show all four paces.
    assert all(sorted(r['pace_label']) == [0, 1, 2, 3] for r in draws(PaceSample(num_views=4), 300, 50))


def test_any_pace_list():
    results = draws(PaceSample(clip_len=8, paces=(0.5, 1, 3), mode='fit'), 40, 300)
    assert {int(r['pace_label'][0]) for r in results} == {0, 1, 2}
    steps = {0: [0, 1, 0, 1, 0, 1, 0], 1: [1] * 7, 2: [3] * 7}
    assert all(np.diff(r['frame_inds']).tolist() == steps[int(r['pace_label'][0])] for r in results)
    assert all('blend_weight' not in r for r in results)


def test_interpolated_slow_motion_blends_the_frames_around(video):
    sampler = PaceSample(clip_len=6, paces=(0.25, 2), num_views=2, slow_motion='interpolate', seed=0)
    results = OpenVideo().transform(dict(filename=video, sample_idx=3))
    results = sampler.transform(results)
    assert len(results['frame_inds']) == 24
    low, high, weight = *results['frame_inds'].reshape(2, 12), results['blend_weight']
    slow = int(np.flatnonzero(results['pace_label'] == 0)[0])
    assert weight.reshape(2, 6)[slow].tolist() == [0, 0.25, 0.5, 0.75, 0, 0.25]
    assert weight.reshape(2, 6)[1 - slow].tolist() == [0] * 6
    every_frame = DecodeClips().transform(OpenVideo().transform(dict(filename=video)) | dict(frame_inds=np.arange(24)))
    assert [read_count(frame) for frame in every_frame['imgs']] == list(range(24))
    results = BlendFrames().transform(DecodeClips().transform(results))
    assert len(results['imgs']) == 12
    assert results['frame_inds'].tolist() == low.tolist()
    for a, b, w, blended in zip(low, high, weight, results['imgs']):
        exact = (1 - w) * every_frame['imgs'][a].astype(float) + w * every_frame['imgs'][b].astype(float)
        assert blended.dtype == np.uint8
        # Rounded once: off by half a step at most.
        assert np.abs(blended - exact).max() <= 0.5
    assert 'blend_weight' not in results


def test_blending_rounds_once_and_keeps_the_type():
    first, second = np.full((1, 1, 3), 10, np.uint8), np.full((1, 1, 3), 13, np.uint8)
    for weight, expected in ((0.1, 10), (0.25, 11), (0.4, 11), (0.75, 12)):
        results = dict(imgs=[first, second], frame_inds=np.array([0, 1]), blend_weight=np.array([weight]))
        assert BlendFrames().transform(results)['imgs'][0].reshape(-1).tolist() == [expected] * 3
    floats = dict(
        imgs=[first.astype(np.float32), second.astype(np.float32)],
        frame_inds=np.array([0, 1]),
        blend_weight=np.array([0.25]),
    )
    assert BlendFrames().transform(floats)['imgs'][0].reshape(-1).tolist() == [10.75] * 3
    untouched = dict(imgs=[first], frame_inds=np.array([0]))
    assert BlendFrames().transform(untouched)['imgs'][0] is first


def test_whole_paces_are_not_read_twice_for_interpolation():
    (result,) = draws(PaceSample(slow_motion='interpolate'), 90, 1)
    assert 'blend_weight' not in result
    assert len(result['frame_inds']) == 16


def test_a_seed_fixes_the_draw_of_each_sample():
    sampler = PaceSample(seed=3, num_views=2)
    first = [sampler.transform(dict(total_frames=90, sample_idx=i)) for i in range(50)]
    again = [sampler.transform(dict(total_frames=90, sample_idx=i)) for i in reversed(range(50))][::-1]
    assert all(a['frame_inds'].tolist() == b['frame_inds'].tolist() for a, b in zip(first, again))
    assert len({tuple(r['frame_inds']) for r in first}) > 45


@pytest.mark.parametrize(
    ('settings', 'names'),
    [
        (dict(paces=(2,)), r'paces=\[2\]: expected at least two'),
        (dict(paces=()), r'paces=\[\]'),
        (dict(paces=(1, 2, 1)), r'paces=\[1, 2, 1\]: expected different'),
        (dict(paces=(0, 1)), r'paces=\[0, 1\]'),
        (dict(num_views=5), 'num_views=5: expected 1 to 4'),
        (dict(num_views=0), 'num_views=0'),
        (dict(mode='fast'), "mode='fast'"),
        (dict(slow_motion='smooth'), "slow_motion='smooth'"),
        (dict(clip_len=0), 'clip_len=0'),
    ],
)
def test_impossible_settings_are_refused(settings, names):
    with pytest.raises(InputError, match=names):
        PaceSample(**settings)


def test_a_video_without_frames_is_named():
    with pytest.raises(VideoReadError, match=r'x\.mp4: holds no frames'):
        PaceSample().transform(dict(total_frames=0, filename='x.mp4'))


def test_the_speeds_for_ranking_are_the_paces_in_any_order_and_without_1():
    sampler = PaceSample(paces=(4, 0.5, 2), num_views=3)
    for r in draws(sampler, 90, 100):
        assert r['clip_speed'].tolist() == [sampler.paces[label] for label in r['pace_label']]
        assert r['clip_speed'][r['fastest_label'][0]] == 4
    assert 'fastest_label' not in draws(PaceSample(), 90, 1)[0]
    assert sampler.describe().startswith('3 clips of 16 frames each at another one of the paces 4, 0.5, 2; ')
