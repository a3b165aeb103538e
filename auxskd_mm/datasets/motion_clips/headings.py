"""MotionClips whose class is the heading of the objects: right, down, left or up.

All classes have the same motion but for its direction. So neither a single frame tells the class, nor how much a clip changes over
time. The features of an image network, averaged over the picture, have nothing else, and a network must learn motion.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from .class_folders import make_class_folders
from .motions import TRANSLATION_SPEEDS, X, Y
from .scene import Scene, draw_scene, scene_time
from .settings import MotionClipsSettings

# Angles in turns; y points down.
HEADINGS = {'right': 0.0, 'down': 0.25, 'left': 0.5, 'up': 0.75}
_SPREAD = 0.05  # turns to either side


def draw_heading_scene(settings: MotionClipsSettings, heading: str, index: int) -> Scene:
    """Scene of one clip: background, objects and where they start are drawn, their heading is given.

    Args:
        settings: Settings of the clips. Their counts and classes do not matter.
        heading: One of :data:`HEADINGS`.
        index: Number of the clip in its class.
    """
    return with_heading(settings, len(HEADINGS) * index + list(HEADINGS).index(heading), heading)


def with_heading(settings: MotionClipsSettings, number: int, heading: str) -> Scene:
    """The scene of a number. Its first frame does not depend on the heading."""
    scene = draw_scene(settings, 'train', 'translation', number)
    rng = np.random.default_rng([settings.seed, number])
    sides, time, objects = np.array(scene.size), scene_time(settings), []
    for thing in scene.objects:
        angle = 2 * np.pi * (HEADINGS[heading] + rng.uniform(-_SPREAD, _SPREAD))
        path = sides.min() * rng.uniform(*TRANSLATION_SPEEDS) * time[:, None] * [np.cos(angle), np.sin(angle)]
        poses = np.repeat(thing.poses[:1], len(time), axis=0)
        poses[:, [X, Y]] = (poses[:, [X, Y]] + path / sides) % 1
        objects.append(dataclasses.replace(thing, poses=poses))
    return dataclasses.replace(scene, objects=tuple(objects))


def make_heading_clips(out: str | Path, per_class: int, settings: MotionClipsSettings | None = None) -> int:
    """Write the clips of all headings; see :func:`make_class_folders`."""
    settings = settings or MotionClipsSettings()
    return make_class_folders(out, 'heading', tuple(HEADINGS), per_class, settings, draw_heading_scene)
