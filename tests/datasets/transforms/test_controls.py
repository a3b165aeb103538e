"""Controls: still clips, and labels of another draw."""

import numpy as np
import pytest
from mmaction.registry import TRANSFORMS

from auxskd_mm.datasets.transforms import ClipOrderSample, PaceSample, SegmentPaceSample, StillFrames, UnrelatedLabels
from auxskd_mm.errors import InputError

VIDEO = dict(total_frames=40, sample_idx=0)
VSPP = dict(type='auxskd_mm.SegmentPaceSample', clip_len=8, num_segments=2, speeds=(1, 4), mode='fit')


def test_every_clip_repeats_its_middle_frame():
    results = dict(frame_inds=np.array([0, 2, 4, 6, 10, 12, 14, 16]), clip_len=4, num_clips=2)
    assert StillFrames()(results)['frame_inds'].tolist() == [4] * 4 + [14] * 4


def test_a_decoded_clip_does_not_move(video):
    steps = [
        dict(type='auxskd_mm.OpenVideo'),
        dict(type='SampleFrames', clip_len=4, frame_interval=2, num_clips=2, test_mode=True),
        dict(type='auxskd_mm.StillFrames'),
        dict(type='auxskd_mm.DecodeClips'),
    ]
    results = dict(filename=video, start_index=0)
    for step in steps:
        results = TRANSFORMS.build(step)(results)
    frames = np.stack(results['imgs']).reshape(2, 4, *results['imgs'][0].shape)
    assert (frames == frames[:, :1]).all()
    assert (frames[0, 0] != frames[1, 0]).any()


def test_it_can_be_off_and_needs_a_sampler():
    results = dict(frame_inds=np.arange(4), clip_len=4)
    assert StillFrames(enabled=False)(dict(results))['frame_inds'].tolist() == [0, 1, 2, 3]
    with pytest.raises(InputError, match='behind the sampler'):
        StillFrames()({})


def test_slow_motion_between_two_frames_is_still_too():
    inds, weights = np.array([3, 3, 4, 4, 9, 9, 9, 9, 4, 4, 5, 5, 10, 10, 10, 10]), np.arange(8) / 10
    made = StillFrames()(dict(frame_inds=inds, blend_weight=weights, clip_len=4, num_clips=2))
    assert made['blend_weight'].tolist() == [0.2] * 4 + [0.6] * 4
    assert made['frame_inds'].tolist() == [4] * 4 + [9] * 4 + [5] * 4 + [10] * 4


def draws(steps, count=2000):
    np.random.seed(0)
    found = []
    for _ in range(count):
        results = dict(VIDEO)
        for step in steps:
            results = step(results)
        found.append(results)
    return found


def test_labels_are_as_frequent_as_ever_and_tell_nothing_of_the_clip():
    sampler = SegmentPaceSample(**{key: value for key, value in VSPP.items() if key != 'type'})
    samples = draws([sampler, UnrelatedLabels(VSPP)])
    labels = np.array([[int(one['pace_label'][0]), int(one['segment_label'][0])] for one in samples])
    spans = np.array([np.ptp(one['frame_inds']) for one in samples])
    fast = spans > 7  # some segment at speed 4: what pace_label 1 should mean
    assert 0.45 < fast.mean() < 0.55
    for column in labels.T:
        assert 0.45 < column.mean() < 0.55
        assert abs(np.corrcoef(column, fast)[0, 1]) < 0.08, 'chance of a larger value: 1 in 3,000'
    assert abs(np.corrcoef(*labels.T)[0, 1]) < 0.08
    for one in draws([sampler], 100):
        assert (np.ptp(one['frame_inds']) > 7) == one['pace_label'][0], 'the clip shows its own label'
    assert all('alike' not in one for one in samples)


def test_frames_are_those_of_the_sampler():
    sampler = PaceSample(clip_len=4, paces=(1, 2, 3, 4))
    np.random.seed(3)
    own = sampler(dict(VIDEO))
    np.random.seed(3)
    changed = UnrelatedLabels(sampler)(sampler(dict(VIDEO)))
    assert changed['frame_inds'].tolist() == own['frame_inds'].tolist()
    assert changed['num_clips'] == own['num_clips']


def test_speeds_follow_the_labels_that_are_written():
    sampler = PaceSample(clip_len=4, paces=(1, 2, 3, 4))
    for one in draws([sampler, UnrelatedLabels(sampler)], 50):
        assert one['clip_speed'].tolist() == [one['pace_label'][0] + 1]


def test_orders_of_clips():
    sampler = ClipOrderSample(clip_len=2, tuple_len=3, interval=1)
    labels = [int(one['order_label'][0]) for one in draws([sampler, UnrelatedLabels(sampler)], 200)]
    assert set(labels) == set(range(6))


def test_what_cannot_be_a_control_is_one_line():
    with pytest.raises(InputError, match=r'UnrelatedLabels.sampler.seed=0: it would draw the labels of the clips'):
        UnrelatedLabels(dict(VSPP, seed=0))
    with pytest.raises(InputError, match='no labels; put it behind a sampler'):
        UnrelatedLabels(VSPP)(dict(VIDEO))
