"""Slowing: the same poses, reached later and later; off by default, and then nothing changes."""

import dataclasses
import json

import numpy as np
import pytest
from scipy.stats import kstest

from auxskd_mm.datasets.motion_clips import (
    MOTIONS,
    MotionClipsSettings,
    draw_poses,
    draw_scene,
    make_motion_clips,
    render_scene,
    scene_time,
)
from auxskd_mm.errors import InputError

SMALL = MotionClipsSettings(train=1, val=0, test=0, width=48, height=36, frames=12, classes=('zoom',))


def test_time_by_hand():
    # Half the speed from frame to frame, an eighth after three: 4 + 2 + 1 parts of the three seconds.
    time = scene_time(MotionClipsSettings(frames=4, fps=1, slowing=8))
    np.testing.assert_allclose(time, [0, 12 / 7, 18 / 7, 3])
    np.testing.assert_allclose(scene_time(MotionClipsSettings(frames=4, fps=2)), [0, 0.5, 1, 1.5])
    assert scene_time(MotionClipsSettings(frames=1, slowing=4)).tolist() == [0]


@pytest.mark.parametrize('slowing', [1.0001, 2.0, 8.0])
def test_the_speed_falls_by_one_factor_a_frame_and_the_way_stays(slowing):
    settings = MotionClipsSettings(slowing=slowing)
    time = scene_time(settings)
    steps = np.diff(time)
    np.testing.assert_allclose(steps[1:] / steps[:-1], slowing ** (-1 / 63), rtol=1e-9)
    np.testing.assert_allclose([time[0], time[-1]], [0, 63 / 25], atol=1e-12)


def test_all_that_moves_slows_together():
    """A slowing scene is the steady one seen at other times: read off a steady scene that is finer in time."""
    slow = draw_scene(dataclasses.replace(SMALL, frames=13, slowing=9), 'train', 'spiral', 0)
    fine = draw_scene(dataclasses.replace(SMALL, frames=12001, fps=25000), 'train', 'spiral', 0)
    moments = np.round(scene_time(dataclasses.replace(SMALL, frames=13, slowing=9)) * 25000).astype(int)
    for ours, theirs in ((slow.drift, fine.drift), (slow.camera, fine.camera)):
        np.testing.assert_allclose(ours, theirs[moments], atol=1e-2)  # pixels
    for ours, theirs in zip(slow.objects, fine.objects):
        off = (ours.poses - theirs.poses[moments] + 0.5) % 1 - 0.5
        assert np.abs(off).max() < 1e-3
        assert np.array_equal(ours.sprite, theirs.sprite)
    assert np.array_equal(slow.background, fine.background)


@pytest.mark.parametrize('motion', MOTIONS)
def test_no_single_frame_tells_class_or_moment(motion):
    """Poses stay spread evenly over the torus, in the first frame and in the last (Kolmogorov-Smirnov)."""
    time = scene_time(MotionClipsSettings(slowing=8))[[0, 20, 63]]
    poses = np.stack([draw_poses(motion, np.random.default_rng([3, i]), time, (4 / 3, 1)) for i in range(400)])
    for instant in poses.transpose(1, 0, 2):
        assert min(kstest(coordinate, 'uniform').pvalue for coordinate in instant.T) > 1e-4


def test_off_by_default():
    assert MotionClipsSettings().slowing == 1
    assert np.array_equal(scene_time(SMALL), np.arange(12) / 25)  # to the bit, so the clips are what they were
    steady, slow = (
        render_scene(draw_scene(dataclasses.replace(SMALL, slowing=slowing), 'train', 'zoom', 0)) for slowing in (1, 3)
    )
    assert np.array_equal(slow[0], steady[0])
    assert not np.array_equal(slow[5], steady[5])


def test_sets_from_before_are_kept_and_slowing_ones_told_apart(tmp_path):
    folder = tmp_path / 'set'
    assert make_motion_clips(folder, SMALL) == (1, 0)
    file = folder / 'motion_clips.json'
    noted = json.loads(file.read_text())
    assert noted.pop('slowing') == 1
    file.write_text(json.dumps(noted))
    assert make_motion_clips(folder, SMALL) == (0, 1)
    with pytest.raises(InputError, match=r'other settings \(slowing 1\.0, not 2\.0\)'):
        make_motion_clips(folder, dataclasses.replace(SMALL, slowing=2.0))


@pytest.mark.parametrize('slowing', [0.5, 0, float('nan'), float('inf')])
def test_bad_slowing(slowing):
    with pytest.raises(InputError, match=f'slowing={slowing}: expected a number of at least 1'):
        MotionClipsSettings(slowing=slowing)
