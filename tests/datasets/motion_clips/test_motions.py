"""Every class moves as its name says, measured on rendered pixels; at any one instant all classes pose alike."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import kstest

from auxskd_mm.datasets.motion_clips import MOTIONS, MotionClipsSettings, Scene, draw_poses, draw_scene, render_scene
from auxskd_mm.datasets.motion_clips.motions import ANGLE, MAX_OCTAVES, MAX_SHEAR, shear_of, size_of

# Finer in space and time than a real set, since pixels are the ruler here.
SETTINGS = MotionClipsSettings(width=208, height=160, frames=120, fps=60)


def opacity(motion: str, index: int, upright: bool) -> np.ndarray:
    """Opacity (T, H, W) in [0, 1] of the first object alone, seen by a camera that stands still."""
    scene = draw_scene(SETTINGS, 'train', motion, index)
    poses = scene.objects[0].poses.copy()
    if upright:
        poses[:, ANGLE] = 0
    shape = np.repeat(scene.objects[0].sprite[..., 3:], 4, axis=2)
    thing = dataclasses.replace(scene.objects[0], sprite=shape, poses=poses)
    still, black = np.zeros_like(scene.camera), np.zeros_like(scene.background)
    return render_scene(Scene(scene.size, black, still, still, (thing,)))[..., 0] / np.float32(255)


def moments(masks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Path (T, 2) of the centroid in pixels, going on over the frame's sides, area (T,) and covariance (T, 2, 2)."""
    count, height, width = masks.shape
    shifts = []
    for axis, period in ((1, width), (2, height)):
        waves = np.exp(2j * np.pi * np.arange(period) / period)
        turns = np.angle(masks.sum(axis=axis) @ waves) / (2 * np.pi)
        shifts.append(np.round(turns * period - period / 2).astype(int))
    across, down = shifts  # what brings the object to the middle, where it does not hang over a side
    rows = (np.arange(height) + down[:, None])[:, :, None] % height
    columns = (np.arange(width) + across[:, None])[:, None] % width
    seen = masks[np.arange(count)[:, None, None], rows, columns]
    area = seen.sum(axis=(1, 2))
    x = np.einsum('thw,w->t', seen, np.arange(width)) / area
    y = np.einsum('thw,h->t', seen, np.arange(height)) / area
    off_x, off_y = np.arange(width) - x[:, None], np.arange(height) - y[:, None]
    products = [('thw,tw,tw->t', off_x, off_x), ('thw,th,tw->t', off_y, off_x), ('thw,th,th->t', off_y, off_y)]
    xx, xy, yy = (np.einsum(rule, seen, a, b) / area for rule, a, b in products)
    turns = np.stack([(x + across) / width, (y + down) / height], axis=1) * 2 * np.pi
    path = np.unwrap(turns, axis=0) / (2 * np.pi) * [width, height]
    return path, area, np.stack([xx, xy, xy, yy], axis=1).reshape(-1, 2, 2)


class Track:
    """What pixels tell: place (T,) complex in short sides, area, direction of the long axis, shear when upright."""

    def __init__(self, motion: str, index: int) -> None:
        path, self.area, covariance = moments(opacity(motion, index, upright=False))
        self.place = (path[:, 0] + 1j * path[:, 1]) / SETTINGS.height
        double = np.arctan2(2 * covariance[:, 0, 1], covariance[:, 0, 0] - covariance[:, 1, 1])
        self.axis = np.unwrap(double) / 2
        upright = moments(opacity(motion, index, upright=True))[2]
        self.shear = upright[:, 0, 1] / upright[:, 1, 1]
        self.time = np.arange(SETTINGS.frames) / SETTINGS.fps
        self.moves = np.ptp(self.place.real) + np.ptp(self.place.imag) > 0.05
        self.resizes = np.ptp(np.log2(self.area)) > 0.4
        self.shears = np.ptp(self.shear) > 0.4
        self.turns = np.ptp(self.axis) > 0.4 and not self.shears and not self.moves

    def only(self, what: str) -> bool:
        """Whether nothing changes but place, size, angle or shear."""
        return [k for k in ('moves', 'resizes', 'turns', 'shears') if getattr(self, k)] == [what]

    def straight(self) -> np.ndarray | None:
        """Way along a straight line (T,), None if the path is no line."""
        off = self.place - self.place.mean()
        plane = np.stack([off.real, off.imag], axis=1)
        _, spread, axes = np.linalg.svd(plane, full_matrices=False)
        return plane @ axes[0] if spread[1] < 0.03 * spread[0] else None


def misfit(values: np.ndarray, *basis: np.ndarray) -> float:
    """Root mean square of what a least-squares fit leaves, as a share of the values' spread."""
    design = np.stack([np.ones(len(values)), *basis], axis=1)
    left = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    return float(np.sqrt(np.mean(np.abs(left) ** 2)) / values.std())


def sinusoidal(values: np.ndarray, time: np.ndarray) -> bool:
    rates = 2 * np.pi / np.linspace(0.7, 1.3, 61)
    return min(misfit(values, np.sin(w * time), np.cos(w * time)) for w in rates) < 0.05


def saw(values: np.ndarray, time: np.ndarray) -> bool:
    """Up and down at one constant rate, with at least two turns in two seconds."""
    rate = np.diff(values) / np.diff(time)
    middle = np.median(np.abs(rate))
    sharp = np.abs(np.abs(rate) - middle) < 0.3 * middle
    turns = np.count_nonzero(np.diff(np.sign(rate[sharp])))
    return bool(sharp.mean() > 0.85) and 2 <= turns <= 5


def curvature(values: np.ndarray, step: float, half: int = 5) -> np.ndarray:
    """Second derivative from parabolas through 2 * half + 1 neighbours."""
    offsets = np.arange(-half, half + 1) * step
    weights = 2 * np.linalg.pinv(np.stack([offsets**0, offsets, offsets**2], axis=1))[2]
    return np.convolve(values, weights[::-1], mode='valid')


def about_centre(track: Track) -> tuple[np.ndarray, np.ndarray]:
    """Radius (T,) and angular velocity (T - 1,) about the centre that makes the latter steadiest."""

    def steps(centre: np.ndarray) -> np.ndarray:
        arms = track.place - complex(*centre)
        return np.angle(arms[1:] / arms[:-1])

    start = [track.place.real.mean(), track.place.imag.mean()]
    best = minimize(lambda c: steps(c).std() / abs(steps(c).mean()), start, method='Nelder-Mead').x
    return np.abs(track.place - complex(*best)), steps(best) * SETTINGS.fps


def is_translation(track: Track) -> bool:
    return track.only('moves') and misfit(track.place, track.time) < 0.02


def is_acceleration(track: Track) -> bool:
    way = track.straight()
    if not track.only('moves') or way is None or misfit(way, track.time) < 0.02:
        return False
    onward = np.diff(way) * np.sign(way[-1] - way[0])
    push = curvature(way, 1 / SETTINGS.fps)
    even = np.abs(np.abs(push) - np.median(np.abs(push))) < 0.25 * np.median(np.abs(push))
    return bool(onward.min() > -0.002) and bool(even.mean() > 0.7)


def is_oscillation(track: Track) -> bool:
    way = track.straight()
    return track.only('moves') and way is not None and sinusoidal(way, track.time)


def is_bounce(track: Track) -> bool:
    if not track.only('moves') or misfit(track.place.real, track.time) > 0.05:
        return False
    pull = curvature(track.place.imag, 1 / SETTINGS.fps)
    even = np.abs(pull - np.median(pull)) < 0.25 * np.median(pull)
    return bool(np.median(pull) > 1) and bool(even.mean() > 0.6) and bool((pull < -1).any())


def is_orbit(track: Track) -> bool:
    if not track.only('moves') or track.straight() is not None:
        return False
    radius, rate = about_centre(track)
    return bool(rate.std() < 0.1 * abs(rate.mean())) and bool(radius.std() < 0.03 * radius.mean())


def is_spiral(track: Track) -> bool:
    if not track.only('moves') or track.straight() is not None:
        return False
    radius, rate = about_centre(track)
    outward = np.abs(np.diff(radius)) * SETTINGS.fps
    steady = np.abs(outward - np.median(outward)) < 0.3 * np.median(outward)
    turning = bool(rate.std() < 0.3 * abs(rate.mean())) and abs(rate.mean()) > np.pi
    return turning and bool(np.ptp(radius) > 0.15) and bool(steady.mean() > 0.7)


def is_rotation(track: Track) -> bool:
    return track.only('turns') and misfit(track.axis, track.time) < 0.03 and np.ptp(track.axis) > 2 * np.pi * 0.9


def is_swing(track: Track) -> bool:
    return track.only('turns') and sinusoidal(track.axis, track.time)


def is_zoom(track: Track) -> bool:
    return track.only('resizes') and saw(np.log2(track.area), track.time)


def is_shear(track: Track) -> bool:
    return track.only('shears') and saw(track.shear, track.time)


KINDS = {name.removeprefix('is_'): test for name, test in list(globals().items()) if name.startswith('is_')}


@pytest.mark.parametrize('motion', MOTIONS)
def test_moves_as_its_name_says_and_as_no_other(motion):
    for index in range(2):
        track = Track(motion, index)
        assert [kind for kind in MOTIONS if KINDS[kind](track)] == [motion], index


@pytest.mark.parametrize('motion', MOTIONS)
def test_pose_at_an_instant_is_spread_evenly(motion):
    """Kolmogorov-Smirnov on each coordinate, its limits, and pairwise independence, at the first and a late frame."""
    time, count = np.array([0.0, 1.3]), 600
    poses = np.stack([draw_poses(motion, np.random.default_rng([7, i]), time, (4 / 3, 1)) for i in range(count)])
    for instant in poses.transpose(1, 0, 2):
        assert min(kstest(coordinate, 'uniform').pvalue for coordinate in instant.T) > 1e-4
        for values, bound in ((np.log2(size_of(instant)), MAX_OCTAVES), (shear_of(instant), MAX_SHEAR)):
            assert kstest((values / bound + 1) / 2, 'uniform').pvalue > 1e-4
        waves = np.exp(2j * np.pi * instant)
        for product in (waves.T @ waves.conj(), waves.T @ waves):
            # 4.5 standard errors of a mean of independent unit vectors
            assert np.abs(product[~np.eye(5, dtype=bool)]).max() / count < 4.5 / np.sqrt(2 * count)


def test_evenness_would_not_hold_without_the_start():
    """The same test refuses the displacement alone, so it can fail."""
    moved = np.stack([MOTIONS['zoom'](np.random.default_rng(i), np.array([0.0, 0.1])) for i in range(600)])
    assert kstest(moved[:, 1, 0] % 1, 'uniform').pvalue < 1e-4


@pytest.mark.parametrize('motion', MOTIONS)
def test_motion_shows_within_16_frames(motion):
    """At 25 frames per second the pose goes a visible way over 16 frames, wherever they lie."""
    time = np.arange(64) / 25
    for i in range(20):
        moved = MOTIONS[motion](np.random.default_rng(i), time)
        for first in range(0, 49, 8):
            window = moved[first : first + 16]
            assert np.ptp(window, axis=0).max() > 0.08
