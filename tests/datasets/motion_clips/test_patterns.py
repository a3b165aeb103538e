"""The pattern on the objects is the class, the motion is not; a single frame tells it."""

import numpy as np

from auxskd_mm.datasets.motion_clips import MotionClipsSettings, draw_pattern_scene

SMALL = MotionClipsSettings(width=48, height=36, frames=6)


def roughness(pattern, index):
    """Mean step between neighbouring pixels inside the objects of a clip, over the spread of their grey levels."""
    found = []
    for thing in draw_pattern_scene(SMALL, pattern, index).objects:
        inside = thing.sprite[..., 3] == 255
        grey = thing.sprite[..., :3].mean(2)
        both = inside[:, 1:] & inside[:, :-1]
        found.append(np.abs(np.diff(grey, axis=1))[both].mean() / grey[inside].std())
    return np.mean(found)


def test_smooth_noise_is_told_from_stripes_and_checks_in_a_frame():
    noise, *others = ([roughness(kind, i) for i in range(12)] for kind in ('noise', 'checks', 'dots'))
    for other in others:
        assert np.mean(noise) < np.mean(other)


def test_scenes_depend_on_their_number_alone_and_move():
    one, again, other = (draw_pattern_scene(SMALL, 'dots', i) for i in (3, 3, 4))
    assert np.array_equal(one.background, again.background)
    assert not np.array_equal(one.background, other.background)
    motions = {
        tuple(np.ptp(thing.poses, axis=0) > 1e-6)
        for i in range(12)
        for thing in draw_pattern_scene(SMALL, 'dots', i).objects
    }
    assert len(motions) > 1  # of several classes of motion
