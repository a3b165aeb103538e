"""The two sets of the demo: in one only motion tells the class, in the other only the picture."""

import numpy as np
import pytest

from auxskd_mm.datasets.motion_clips import (
    HEADINGS,
    MotionClipsSettings,
    draw_heading_scene,
    render_scene,
)
from auxskd_mm.datasets.motion_clips.headings import with_heading
from auxskd_mm.datasets.motion_clips.motions import X, Y
from auxskd_mm.datasets.motion_clips.patterns import with_pattern
from auxskd_mm.datasets.motion_clips.textures import PATTERNS

SMALL = MotionClipsSettings(width=48, height=36, frames=6, fps=12)


def steps(scene):
    """Mean displacement (x, y) of each object between frames, in pixels, on a frame that wraps around."""
    for thing in scene.objects:
        moved = (np.diff(thing.poses[:, [X, Y]], axis=0) + 0.5) % 1 - 0.5
        yield (moved * scene.size).mean(0)


@pytest.mark.parametrize('number', range(4))
def test_first_frame_is_that_of_every_heading_and_later_ones_are_not(number):
    frames = [render_scene(with_heading(SMALL, number, heading)) for heading in HEADINGS]
    for other in frames[1:]:
        assert np.array_equal(frames[0][0], other[0])
        assert not np.array_equal(frames[0][-1], other[-1])


def test_objects_move_to_where_the_class_says_and_equally_fast():
    ways = dict(right=(1, 0), down=(0, 1), left=(-1, 0), up=(0, -1))
    lengths = {heading: [] for heading in HEADINGS}
    for heading, way in ways.items():
        for index in range(8):
            for step in steps(draw_heading_scene(SMALL, heading, index)):
                lengths[heading].append(np.linalg.norm(step))
                assert step @ way > 0.9 * lengths[heading][-1]  # within 18 degrees: cosine of 0.95
    fastest, slowest = 36 * 0.5 / 12, 36 * 0.38 / 12  # short side times speed per frame
    for found in lengths.values():
        assert slowest - 1e-6 <= min(found) <= max(found) <= fastest + 1e-6


@pytest.mark.parametrize('number', range(4))
def test_motion_is_that_of_every_pattern_and_the_first_frame_is_not(number):
    scenes = [with_pattern(SMALL, number, pattern) for pattern in PATTERNS]
    for other in scenes[1:]:
        assert np.array_equal(scenes[0].camera, other.camera)
        assert np.array_equal(scenes[0].drift, other.drift)
        for one, two in zip(scenes[0].objects, other.objects, strict=True):
            assert np.array_equal(one.poses, two.poses)
        assert not np.array_equal(render_scene(scenes[0])[0], render_scene(other)[0])
