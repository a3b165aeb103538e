"""Rendering against a slow second way: every pixel looked up by the inverse map on an endless tiling."""

import dataclasses

import numpy as np

from auxskd_mm.datasets.motion_clips import MotionClipsSettings, draw_scene, render_scene
from auxskd_mm.datasets.motion_clips.motions import ANGLE, X, Y, shear_of, size_of
from auxskd_mm.datasets.motion_clips.textures import smooth_noise, sprite_radius

SETTINGS = MotionClipsSettings(width=60, height=44, frames=6, fps=8)


def bilinear(image: np.ndarray, x: np.ndarray, y: np.ndarray, wrap: bool) -> np.ndarray:
    """Values at real positions; beyond the border 0, or round again."""
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    result = 0.0
    for i in (0, 1):
        for j in (0, 1):
            weight = np.abs(1 - j - (x - left)) * np.abs(1 - i - (y - top))
            rows, columns = top + i, left + j
            inside = wrap | ((rows >= 0) & (rows < len(image)) & (columns >= 0) & (columns < image.shape[1]))
            result = result + (weight * inside)[..., None] * image[rows % len(image), columns % image.shape[1]]
    return result


def slow_frame(scene, t: int) -> np.ndarray:
    width, height = scene.size
    y, x = np.mgrid[:height, :width].astype(float)
    shift = scene.drift[t] + scene.camera[t]
    frame = bilinear(scene.background, x - shift[0], y - shift[1], wrap=True)
    for thing in scene.objects:
        pose, side = thing.poses[t], len(thing.sprite)
        angle, scale = 2 * np.pi * pose[ANGLE], size_of(pose) * thing.diameter / (2 * sprite_radius(side))
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        inverse = np.linalg.inv(scale * turn @ [[1, shear_of(pose)], [0, 1]])
        for copy_x in range(-2, 3):
            for copy_y in range(-2, 3):
                off_x = x - (pose[X] + copy_x) * width - scene.camera[t, 0]
                off_y = y - (pose[Y] + copy_y) * height - scene.camera[t, 1]
                u, v = (inverse @ np.stack([off_x, off_y]).reshape(2, -1)).reshape(2, height, width) + (side - 1) / 2
                seen = bilinear(thing.sprite, u, v, wrap=False)
                frame = seen[..., :3] + frame * (1 - seen[..., 3:] / 255)
    return frame


def test_frames_equal_the_slow_way():
    for index in range(4):
        scene = draw_scene(SETTINGS, 'train', 'spiral', index)
        for t, frame in enumerate(render_scene(scene)):
            off = np.abs(frame - slow_frame(scene, t))
            # OpenCV interpolates at 1/32 of a pixel; the sprites' edges are as steep as 255 levels a pixel.
            assert off.mean() < 0.6
            assert np.percentile(off, 99) < 9


def test_objects_never_reach_themselves_round_the_frame():
    """The largest object at its largest size and shear is shorter than the frame, whatever the frame's form."""
    for size in (dict(width=32, height=32), dict(width=96, height=72), dict(width=40, height=160)):
        settings = MotionClipsSettings(**size, frames=40)
        for index in range(15):
            scene = draw_scene(settings, 'test', 'shear' if index % 2 else 'zoom', index)
            for thing in scene.objects:
                still = dataclasses.replace(scene, background=np.zeros_like(scene.background), objects=(thing,))
                shape = np.repeat(thing.sprite[..., 3:], 4, axis=2)
                masks = render_scene(dataclasses.replace(still, objects=(dataclasses.replace(thing, sprite=shape),)))
                for mask in masks[..., 0] > 0:
                    assert not mask.all(axis=0).any()
                    assert not mask.all(axis=1).any()


def test_background_is_seamless_and_moves_at_its_speed():
    noise = smooth_noise(np.random.default_rng(0), 60, 80, 9.0)
    inside = max(np.abs(np.diff(noise, axis=0)).max(), np.abs(np.diff(noise, axis=1)).max())
    assert max(np.abs(noise[0] - noise[-1]).max(), np.abs(noise[:, 0] - noise[:, -1]).max()) <= 1.1 * inside
    assert noise.std() > 0.1
    speeds = []
    for motion in ('translation', 'zoom'):
        for index in range(30):
            step = np.diff(draw_scene(SETTINGS, 'val', motion, index).drift, axis=0)
            assert np.allclose(step, step[0])
            speeds.append(np.hypot(*step[0]) * SETTINGS.fps / SETTINGS.height)
    assert 0.18 <= min(speeds) < max(speeds) <= 0.24
