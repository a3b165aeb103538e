"""The counterpart of MotionClips: the pattern on the objects is the class, and their motion is drawn at random.

A single frame tells the class, and motion tells nothing about it. So features of public image weights are the right answer, and
pretraining on motion cannot help.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from .class_folders import make_class_folders
from .motions import MOTIONS
from .scene import Scene, draw_scene
from .settings import MotionClipsSettings
from .textures import PATTERNS, draw_sprite


def draw_pattern_scene(settings: MotionClipsSettings, pattern: str, index: int) -> Scene:
    """Scene of one clip: motion, background and shapes are drawn, the pattern of all objects is given.

    Args:
        settings: Settings of the clips. Their counts and classes do not matter.
        pattern: One of :data:`PATTERNS`.
        index: Number of the clip in its class.
    """
    return with_pattern(settings, len(PATTERNS) * index + PATTERNS.index(pattern), pattern)


def with_pattern(settings: MotionClipsSettings, number: int, pattern: str) -> Scene:
    """The scene of a number. Its motion and background do not depend on the pattern."""
    rng = np.random.default_rng([settings.seed, number])
    scene = draw_scene(settings, 'train', str(rng.choice(list(MOTIONS))), number)
    objects = tuple(
        dataclasses.replace(thing, sprite=draw_sprite(rng, len(thing.sprite), pattern)) for thing in scene.objects
    )
    return dataclasses.replace(scene, objects=objects)


def make_pattern_clips(out: str | Path, per_class: int, settings: MotionClipsSettings | None = None) -> int:
    """Write the clips of all patterns; see :func:`make_class_folders`."""
    settings = settings or MotionClipsSettings()
    return make_class_folders(out, 'pattern', PATTERNS, per_class, settings, draw_pattern_scene)
