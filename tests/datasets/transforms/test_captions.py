"""Captions and paced positions, compared with the definition of each sampler's labels."""

import numpy as np
import pytest

from auxskd_mm.datasets.transforms import ClipOrderSample, PaceSample, RelativeSpeedSample, SegmentPaceSample
from auxskd_mm.datasets.transforms.captions import shown_clips, wrap_note


def drawn(sampler, total_frames=200):
    """The sampler's own results for a long video."""
    return sampler.transform(dict(total_frames=total_frames, sample_idx=3, filename='x'))


@pytest.mark.parametrize('views', [1, 2])
def test_paced_frames_of_a_segment_are_those_reached_by_its_speed(views):
    sampler = SegmentPaceSample(speeds=(1, 3, 5), num_views=views, mode='fit', seed=1)
    for index in range(8):
        results = sampler.transform(dict(total_frames=300, sample_idx=index))
        numbers = results['frame_inds'].reshape(views, 16)
        for view, clip in enumerate(shown_clips([sampler], results, views, 16)):
            steps = np.diff(numbers[view])
            assert clip.paced[1:].tolist() == (steps > 1).tolist()
            speed, segment = max(steps.max(), 1), results['segment_label'][view] + 1
            who = '' if views == 1 else ('student view: ', 'teacher view: ')[view]
            assert clip.caption == f'{who}speed {speed}x, segment {segment} of 4'


@pytest.mark.parametrize('disjoint', [False, True])
def test_the_first_of_two_segments_of_eight_ends_where_the_sampler_says(disjoint):
    sampler = SegmentPaceSample(clip_len=16, num_segments=2, speeds=(1, 4), mode='fit', seed=0, disjoint=disjoint)
    results = dict(sampler.transform(dict(total_frames=300)), pace_label=[1], segment_label=[0])
    (clip,) = shown_clips([sampler], results, 1, 16)
    assert np.flatnonzero(clip.paced).tolist() == list(range(8 if disjoint else 9))


def test_a_clip_that_goes_round_says_so():
    assert wrap_note(np.array([13, 1, 3, 5])) == ', goes round 1 time'
    assert wrap_note(np.array([0, 5, 0, 5, 0])) == ', goes round 2 times'
    assert wrap_note(np.array([1, 2, 2, 4])) == wrap_note(np.array([9, 7, 5])) == wrap_note(np.array([3])) == ''


def test_pace():
    sampler = PaceSample(clip_len=4, paces=(1, 2, 0.5), num_views=3, seed=0)
    results = drawn(sampler)
    clips = shown_clips([object(), sampler], results, 3, 4)
    paces = [(1, 2, 0.5)[label] for label in results['pace_label']]
    assert [clip.caption for clip in clips] == [f'view {i + 1} of 3: pace {pace:g}x' for i, pace in enumerate(paces)]
    assert [clip.paced.tolist() for clip in clips] == [[pace != 1] * 4 for pace in paces]


def test_order_names_the_place_in_time():
    sampler = ClipOrderSample(clip_len=4, tuple_len=3, interval=2, seed=4)
    for index in range(6):
        results = sampler.transform(dict(total_frames=60, sample_idx=index))
        starts = results['frame_inds'].reshape(3, 4)[:, 0]
        places = starts.argsort().argsort()  # earliest clip is 0
        clips = shown_clips([sampler], results, 3, 4)
        assert [int(clip.caption.split('clip ')[1][0]) for clip in clips] == places.tolist()
        order = f'(order {"-".join(map(str, places))}, label {results["order_label"][0]})'
        assert all(clip.caption.endswith(order) for clip in clips)
        assert [clip.caption[:9] for clip in clips] == ['shown 1st', 'shown 2nd', 'shown 3rd']


def test_relative_speed_shows_both_speeds_of_both_views():
    sampler = RelativeSpeedSample(clip_len=4, max_speed=3)
    clips = shown_clips([sampler], {}, 2, 12)
    assert [(clip.view, clip.caption, clip.positions.tolist(), bool(clip.paced.all())) for clip in clips] == [
        (0, 'query view at speed 1x', [0, 1, 2, 3], False),
        (0, 'query view at speed 3x', [0, 3, 6, 9], True),
        (1, 'key view at speed 1x', [0, 1, 2, 3], False),
        (1, 'key view at speed 3x', [0, 3, 6, 9], True),
    ]


def test_plain_sampler():
    clips = shown_clips([object()], dict(frame_interval=2), 2, 4)
    assert [clip.caption for clip in clips] == ['clip 1 of 2, one frame in 2', 'clip 2 of 2, one frame in 2']
    assert shown_clips([], {}, 1, 4)[0].caption == 'clip 1 of 1'
    assert not any(clip.paced.any() for clip in clips)
