"""The pattern on the objects is the class, the motion is not; a single frame tells it."""

import numpy as np
import pytest

from auxskd_mm.datasets.motion_clips import MotionClipsSettings, draw_pattern_scene, make_pattern_clips
from auxskd_mm.datasets.motion_clips.textures import PATTERNS
from auxskd_mm.errors import InputError

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


def test_a_second_call_writes_only_what_is_missing(tmp_path):
    out = tmp_path / 'clips'
    assert make_pattern_clips(out, 1, SMALL) == len(PATTERNS)
    path = out / 'dots' / 'dots_00000.mp4'
    content = path.read_bytes()
    path.unlink()
    make_pattern_clips(out, 1, SMALL)
    assert path.read_bytes() == content
    with pytest.raises(InputError, match='other settings'):
        make_pattern_clips(out, 2, SMALL)
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine' / 'a.txt').write_text('mine')
    with pytest.raises(InputError, match='not a folder of pattern clips'):
        make_pattern_clips(tmp_path / 'mine', 1, SMALL)
