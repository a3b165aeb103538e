"""Still clips."""

import numpy as np
import pytest
from mmaction.registry import TRANSFORMS

from auxskd_mm.datasets.transforms import StillFrames
from auxskd_mm.errors import InputError


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
