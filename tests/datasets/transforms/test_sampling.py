"""The samplers' draws: ranges, distributions and what the two modes promise."""

from collections import Counter

import numpy as np
import pytest
from conftest import recorded

from auxskd_mm.datasets.transforms import ClipOrderSample, PaceSample, RelativeSpeedSample, SegmentPaceSample
from auxskd_mm.errors import InputError, VideoReadError
from auxskd_mm.functional.clip_indices import paced_offsets, pecop_indices, segment_pace_indices

# 99.9% quantiles of chi-square by degrees of freedom, from SciPy's chi2.ppf(0.999, df).
CHI2_999 = {3: 16.27, 11: 31.26, 15: 37.70, 23: 49.73, 143: 202.2}


def draws(sampler, num_frames, count, seed=0):
    np.random.seed(seed)
    return [sampler.transform(dict(total_frames=num_frames)) for _ in range(count)]


def chi_square(counter, cells):
    expected = sum(counter.values()) / cells
    return sum((counter.get(key, 0) - expected) ** 2 / expected for key in counter) + expected * (cells - len(counter))


def test_faithful_labels_and_starts_are_uniform():
    results = draws(SegmentPaceSample(), 28, 6000)
    labels = Counter((int(r['pace_label'][0]), int(r['segment_label'][0])) for r in results)
    starts = Counter(int(r['frame_inds'][0]) for r in results)
    assert set(starts) == set(range(12))  # randint(1, 28 - 16) of the original, 0-based
    assert chi_square(labels, 16) < CHI2_999[15]
    assert chi_square(starts, 12) < CHI2_999[11]


def test_frames_belong_to_the_labels():
    for mode in ('faithful', 'fit'):
        for r in draws(SegmentPaceSample(mode=mode), 90, 300):
            speed, segment, start = int(r['pace_label'][0]) + 1, int(r['segment_label'][0]), int(r['frame_inds'][0])
            assert r['frame_inds'].tolist() == segment_pace_indices(90, 16, 4, segment, speed, start).tolist()
            assert (r['clip_len'], r['num_clips']) == (16, 1)


def test_fit_never_wraps_and_uses_every_start_that_fits():
    longest = int(paced_offsets(16, 4, 1, 4)[-1]) + 1
    results = draws(SegmentPaceSample(mode='fit'), longest, 4000)
    assert all((np.diff(r['frame_inds']) > 0).all() for r in results)
    fullest = [r for r in results if r['pace_label'][0] == 3 and r['segment_label'][0] == 1]
    assert {int(r['frame_inds'][0]) for r in fullest} == {0}
    slow = Counter(int(r['frame_inds'][0]) for r in results if r['pace_label'][0] == 0)
    assert set(slow) == set(range(longest - 15))
    # The same video wraps in the faithful mode, so the assertion above can fail.
    assert any((np.diff(r['frame_inds']) < 0).any() for r in draws(SegmentPaceSample(), longest, 500))


@pytest.mark.parametrize('mode', ['faithful', 'fit'])
@pytest.mark.parametrize('num_frames', [1, 2, 15, 16, 17])
def test_short_videos_work(mode, num_frames):
    for r in draws(SegmentPaceSample(mode=mode, num_views=2), num_frames, 50):
        assert r['frame_inds'].shape == (32,)
        assert r['frame_inds'].min() >= 0
        assert r['frame_inds'].max() < num_frames


def test_two_views_always_differ_and_cover_all_pairs():
    results = draws(SegmentPaceSample(num_views=2, lookahead=3), 300, 14400)
    cells = Counter()
    for r in results:
        (p0, p1), (s0, s1) = r['pace_label'], r['segment_label']
        assert p0 != p1
        assert s0 != s1
        cells[(p0, p1, s0, s1)] += 1
    assert len(cells) == 144
    assert chi_square(cells, 144) < CHI2_999[143]
    starts = np.array([r['frame_inds'].reshape(2, 16)[:, 0] for r in results])
    assert abs(np.corrcoef(starts.T)[0, 1]) < 0.05


def test_two_views_use_the_early_wrap():
    for r in draws(SegmentPaceSample(num_views=2, lookahead=3), 40, 200):
        for view, (pace, segment) in enumerate(zip(r['pace_label'], r['segment_label'])):
            frames = r['frame_inds'].reshape(2, 16)[view]
            expected = segment_pace_indices(40, 16, 4, int(segment), int(pace) + 1, int(frames[0]), lookahead=3)
            assert frames.tolist() == expected.tolist()


def test_a_seed_fixes_the_draw_of_each_sample():
    sampler = SegmentPaceSample(seed=3)
    first = [sampler.transform(dict(total_frames=90, sample_idx=i)) for i in range(50)]
    np.random.seed(1)
    again = [sampler.transform(dict(total_frames=90, sample_idx=i)) for i in reversed(range(50))][::-1]
    assert all(a['frame_inds'].tolist() == b['frame_inds'].tolist() for a, b in zip(first, again))
    other = [SegmentPaceSample(seed=4).transform(dict(total_frames=90, sample_idx=i)) for i in range(50)]
    assert any(a['frame_inds'].tolist() != b['frame_inds'].tolist() for a, b in zip(first, other))
    assert len({tuple(r['frame_inds']) for r in first}) > 40


@pytest.mark.parametrize(
    ('settings', 'names'),
    [
        (dict(mode='fast'), "mode='fast'"),
        (dict(num_views=3), 'num_views=3'),
        (dict(num_views=2, num_segments=1), 'num_segments=1'),
        (dict(num_views=2, num_speeds=1), 'num_speeds=1'),
        (dict(clip_len=0), 'clip_len=0'),
        (dict(clip_len=3, num_segments=4), 'num_segments=4'),
        (dict(lookahead=0), 'lookahead=0'),
    ],
)
def test_impossible_settings_are_refused(settings, names):
    with pytest.raises(InputError, match=names):
        SegmentPaceSample(**settings)


def test_a_video_without_frames_is_named():
    with pytest.raises(VideoReadError, match=r'x\.mp4: holds no frames'):
        SegmentPaceSample().transform(dict(total_frames=0, filename='x.mp4'))


def test_finer_segments_stay_inside():
    sampler = SegmentPaceSample(num_segments=8, num_speeds=4)
    for r in draws(sampler, 17, 500):
        assert r['frame_inds'].max() < 17


def test_other_speeds_are_what_the_labels_index():
    sampler = SegmentPaceSample(speeds=(1, 2, 4, 8), mode='fit')
    for r in draws(sampler, 90, 200):
        pace, segment = int(r['pace_label'][0]), int(r['segment_label'][0])
        speed = (1, 2, 4, 8)[pace]
        offsets = r['frame_inds'] - r['frame_inds'][0]
        assert offsets.tolist() == paced_offsets(16, 4, segment, speed).tolist()
    assert {int(r['pace_label'][0]) for r in draws(sampler, 90, 100)} == {0, 1, 2, 3}


@pytest.mark.parametrize('speeds', [(), (2, 4), (1, 4, 2), (1, 2, 2), (1, 1.5)])
def test_speeds_that_do_not_ascend_from_1(speeds):
    with pytest.raises(InputError, match=r'speeds=.*ascending from 1'):
        SegmentPaceSample(speeds=speeds)


@pytest.mark.parametrize(
    ('sampler', 'setting'),
    [
        *((SegmentPaceSample, name) for name in ('base_step', 'num_speeds', 'num_segments', 'lookahead')),
        *((RelativeSpeedSample, name) for name in ('max_speed', 'num_views')),
        (ClipOrderSample, 'interval'),
        (PaceSample, 'num_views'),
    ],
)
def test_parts_of_frames_are_refused(sampler, setting):
    """The frame numbers would be cut off, and the label that of another speed."""
    with pytest.raises(InputError, match=rf'{setting}=2.5: expected a whole number'):
        sampler(**{setting: 2.5})


def pecop_sampler(**settings):
    return SegmentPaceSample(**{**dict(clip_len=32, num_speeds=5, mode='pecop', base_step=3), **settings})


@pytest.mark.parametrize('observed', recorded('sampling_pecop')['observed_draws'])
def test_pecop_draws_what_the_original_was_seen_to_draw(observed):
    sampler = pecop_sampler(clip_len=observed['clip_len'], base_step=observed['fr'])
    results = draws(sampler, observed['num_frames'], 4000)
    speeds = Counter(int(r['pace_label'][0]) + 1 for r in results)
    segments = Counter(int(r['segment_label'][0]) for r in results)
    starts = Counter(int(r['frame_inds'][0]) for r in results)
    assert sorted(speeds) == sorted(map(int, observed['speeds']))  # never the base step
    assert sorted(segments) == sorted(map(int, observed['segments_0_based']))
    assert [min(starts), max(starts)] == observed['start_0_based_min_max']
    assert chi_square(speeds, 4) < CHI2_999[3]
    assert chi_square(segments, 4) < CHI2_999[3]


def test_pecop_frames_belong_to_the_labels():
    for base_step in (1, 3):
        for r in draws(pecop_sampler(base_step=base_step), 120, 200):
            speed, segment, start = int(r['pace_label'][0]) + 1, int(r['segment_label'][0]), int(r['frame_inds'][0])
            assert r['frame_inds'].tolist() == pecop_indices(120, 32, 4, segment, speed, base_step, start).tolist()


@pytest.mark.parametrize('num_frames', [1, 3, 4, 35, 36])
def test_pecop_takes_videos_that_its_original_refuses(num_frames):
    for r in draws(pecop_sampler(), num_frames, 30):
        assert 0 <= r['frame_inds'].min() <= r['frame_inds'].max() < num_frames


@pytest.mark.parametrize('base_step', [1, 3, 6])
def test_frames_needed_are_the_fewest_without_a_wrap(base_step):
    for mode in ('pecop', 'faithful', 'fit'):
        sampler = pecop_sampler(base_step=base_step, mode=mode)
        needed = sampler.frames_needed()
        clips = {
            count: [sampler._frames(count, segment, speed, 0) for segment in range(4) for speed in {1, 5} - {base_step}]
            for count in (needed - 1, needed)
        }
        assert all((np.diff(clip) > 0).all() for clip in clips[needed])
        assert any((np.diff(clip) < 0).any() for clip in clips[needed - 1])


def test_a_base_step_in_videos_where_the_clip_fits():
    sampler = pecop_sampler(mode='fit', unchanged_speed=False)
    for r in draws(sampler, 130, 200):
        speed, segment = int(r['pace_label'][0]) + 1, int(r['segment_label'][0])
        assert speed != 3
        offsets = r['frame_inds'] - r['frame_inds'][0]
        assert offsets.tolist() == paced_offsets(32, 4, segment, speed, base_step=3).tolist()


def test_pictures_frame_the_segment_that_differs_from_the_rest():
    sampler = pecop_sampler(clip_len=16)
    slow, unchanged = (dict(pace_label=np.array([p]), segment_label=np.array([1])) for p in (0, 2))
    (clip,) = sampler.shown_clips(slow, 1, 16)
    assert np.flatnonzero(clip.paced).tolist() == [4, 5, 6, 7, 8]  # speed 1 is the odd one where the rest has 3
    assert clip.caption == 'speed 1x, segment 2 of 4, the rest 3x'
    assert not sampler.paced_positions(unchanged, 0, 16).any()
    said = sampler.describe()
    assert 'one of its 4 segments at speed 1, 2, 4 or 5, the rest at 3' in said
    assert 'the last 3 frames are left out' in said


@pytest.mark.parametrize(
    ('settings', 'label'),
    [
        (dict(), 0),
        (dict(unchanged_speed=False), None),
        (dict(mode='pecop'), None),
        (dict(mode='pecop', base_step=3), None),
        (dict(base_step=3), 2),
        (dict(base_step=7), None),
        (dict(base_step=4, speeds=(1, 4, 8)), 1),
    ],
)
def test_the_segment_cannot_be_told_at_the_speed_of_the_rest(settings, label):
    assert SegmentPaceSample(**settings).tasks[1].unanswerable == label


@pytest.mark.parametrize(
    ('settings', 'names'),
    [
        (dict(disjoint=True), "mode='pecop'.*leave out disjoint"),
        (dict(lookahead=3), "mode='pecop'.*leave out disjoint and lookahead"),
        (dict(base_step=0), 'base_step=0'),
        (dict(num_speeds=1, base_step=1), r'without base_step=1 0 of the speeds \(1,\) remain'),
        (dict(num_speeds=2, base_step=1, num_views=2), 'without base_step=1 1 of the speeds'),
    ],
)
def test_impossible_settings_of_pecop_are_refused(settings, names):
    with pytest.raises(InputError, match=names):
        pecop_sampler(**settings)


def test_views_for_ranking_have_different_speeds_and_free_segments():
    sampler = SegmentPaceSample(
        speeds=(1, 2, 4, 8), num_views=3, distinct_segments=False, unchanged_speed=False, mode='fit'
    )
    cells = Counter()
    for r in draws(sampler, 300, 6000):
        cells[(*map(int, r['pace_label']), int(r['segment_label'][0]), int(r['segment_label'][2]))] += 1
        assert sorted(r['clip_speed'].tolist()) == [2, 4, 8]
        assert r['clip_speed'].tolist() == [sampler.speeds[pace] for pace in r['pace_label']]
        assert r['clip_speed'][r['fastest_label'][0]] == 8
        assert r['clip_speed'].dtype == np.float32
        for clip, speed, segment in zip(r['frame_inds'].reshape(3, 16), r['clip_speed'], r['segment_label']):
            assert (clip - clip[0]).tolist() == paced_offsets(16, 4, int(segment), int(speed)).tolist()
    assert {key[0] for key in cells} == {1, 2, 3}
    assert len(cells) == 6 * 16  # all orders of the speeds, with all pairs of segments, also equal ones
    assert chi_square(cells, 96) < 143.3  # SciPy's chi2.ppf(0.999, 95)


def test_whole_clips_can_be_ranked():
    for r in draws(SegmentPaceSample(num_segments=1, num_views=4, distinct_segments=False), 90, 50):
        assert sorted(r['clip_speed'].tolist()) == [1, 2, 3, 4]
        assert r['segment_label'].tolist() == [0] * 4


def test_the_unchanged_speed_is_never_drawn_and_its_label_stays_free():
    assert {int(r['pace_label'][0]) for r in draws(SegmentPaceSample(unchanged_speed=False), 90, 200)} == {1, 2, 3}


@pytest.mark.parametrize(
    ('settings', 'says'),
    [
        (dict(num_views=0, distinct_segments=False), 'num_views=0'),
        (dict(num_views=5, distinct_segments=False), r'num_speeds=4: 5 view\(s\) need at least 5'),
        (
            dict(num_views=4, distinct_segments=False, unchanged_speed=False),
            r'without base_step=1 3 of the speeds \(1, 2, 3, 4\) remain, and 4 view\(s\) need at least 4',
        ),
        (dict(num_speeds=1, unchanged_speed=False), r'without base_step=1 0 of the speeds \(1,\) remain'),
        (dict(num_views=3), 'distinct_segments=False for more'),
    ],
)
def test_views_that_cannot_be_ranked_are_refused(settings, says):
    with pytest.raises(InputError, match=says):
        SegmentPaceSample(**settings)


def test_ranking_is_described_and_captioned_by_view_number():
    sampler = SegmentPaceSample(num_views=3, distinct_segments=False, unchanged_speed=False, mode='fit')
    assert sampler.describe() == (
        '3 clips of 16 frames with one of its 4 segments sped up 2 to 4 times, all at different speeds; it starts where '
        'it fits'
    )
    r = dict(pace_label=np.array([1, 3, 2]), segment_label=np.array([0, 0, 3]))
    assert sampler.caption(r, 1, 3) == 'view 2 of 3: speed 4x, segment 1 of 4'


def test_speeds_are_ranked_by_that_of_the_rest():
    """The head takes the unpaced segments for speed 1."""
    for r in draws(SegmentPaceSample(num_speeds=5, base_step=3, mode='fit'), 200, 50):
        assert r['clip_speed'][0] == np.float32((r['pace_label'][0] + 1) / 3)
