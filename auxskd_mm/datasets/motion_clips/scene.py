"""Scenes of MotionClips: the class decides how objects move, but not the background and the camera."""

from __future__ import annotations

import dataclasses

import numpy as np

from ...choices import SPLITS
from .motions import MOTIONS, draw_poses
from .settings import MotionClipsSettings
from .textures import draw_background, draw_sprite

# In short sides of the frame. With the limits of size and shear the largest object still fits the frame.
_DIAMETERS = (0.34, 0.44)
_MOST_OBJECTS = 3
# Camera shake: amplitude in short sides and frequency in hertz, per axis. The steady cue of the pace in every class.
_SHAKE = (((0.014, 0.02), (1.4, 1.8)), ((0.006, 0.009), (2.6, 3.2)))
# Drift of the background in short sides per second.
_DRIFT = (0.18, 0.24)


@dataclasses.dataclass(frozen=True)
class MovingObject:
    """One object: sprite uint8 (S, S, 4), diameter in pixels at size 1, poses (T, 5) in turns."""

    sprite: np.ndarray
    diameter: float
    poses: np.ndarray


@dataclasses.dataclass(frozen=True)
class Scene:
    """One clip before it is rendered.

    ``background`` is a seamless texture uint8 (H', W', 3), ``drift`` and ``camera`` are displacements (T, 2) in pixels
    (x, y). ``drift`` moves the background alone, ``camera`` moves everything. ``size`` is the frame's (width, height)
    in pixels.
    """

    size: tuple[int, int]
    background: np.ndarray
    drift: np.ndarray
    camera: np.ndarray
    objects: tuple[MovingObject, ...]


def _shake(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    """Camera displacement (T, 2) in short sides."""
    moved = np.zeros((len(time), 2))
    for amplitudes, frequencies in _SHAKE:
        for axis in range(2):
            cycles = rng.uniform(*frequencies) * time + rng.uniform()
            moved[:, axis] += rng.uniform(*amplitudes) * np.sin(2 * np.pi * cycles)
    return moved


def scene_time(settings: MotionClipsSettings) -> np.ndarray:
    """Motion time at each frame of a clip, float (T,), in seconds from 0.

    Without slowing it is the time of the frames. With slowing all motion (objects, background, camera) slows down as
    after a push. The factor from frame to frame is constant, and the total path from the first frame to the last is
    unchanged. This gives an arrow of time. It shows only in the change from frame to frame, since the start of a motion
    is uniform.

    Args:
        settings: Settings of the set. Only ``frames``, ``fps`` and ``slowing`` matter.
    """
    time: np.ndarray = np.arange(settings.frames) / settings.fps
    if settings.slowing == 1 or settings.frames == 1:
        return time
    rate = np.log(settings.slowing)
    warped: np.ndarray = time[-1] * np.expm1(-rate * time / time[-1]) / np.expm1(-rate)
    return warped


def draw_scene(settings: MotionClipsSettings, split: str, motion: str, index: int) -> Scene:
    """Draw the scene of one clip, given by its split, its class and its number there. It depends on the arguments
    alone. The counts and classes of the settings do not matter.
    """
    key = [settings.version, settings.seed, SPLITS.index(split), list(MOTIONS).index(motion), index]
    # Separate random streams: the draws of the motion must not shift the background of one class against another.
    surroundings, things, moves = (np.random.default_rng(s) for s in np.random.SeedSequence(key).spawn(3))
    width, height = settings.width, settings.height
    unit = float(min(width, height))
    time = scene_time(settings)
    heading = surroundings.uniform(0, 2 * np.pi)
    drift = surroundings.uniform(*_DRIFT) * time[:, None] * [np.cos(heading), np.sin(heading)]
    objects = []
    for _ in range(int(things.integers(1, _MOST_OBJECTS + 1))):
        diameter = unit * things.uniform(*_DIAMETERS)
        sprite = draw_sprite(things, round(diameter) + 4)
        objects.append(MovingObject(sprite, diameter, draw_poses(motion, moves, time, (width / unit, height / unit))))
    return Scene(
        size=(width, height),
        background=draw_background(surroundings, 2 * height, 2 * width, unit),
        drift=unit * drift,
        camera=unit * _shake(surroundings, time),
        objects=tuple(objects),
    )
