"""The counterpart of MotionClips: the pattern on the objects is the class, and their motion is drawn at random.

A single frame tells the class, and motion tells nothing about it. So features of public image weights are the right answer, and
pretraining on motion cannot help.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...files import write_whole
from .encode import write_h264
from .motions import MOTIONS
from .render import render_scene
from .scene import Scene, draw_scene
from .settings import MotionClipsSettings
from .textures import PATTERNS, draw_sprite

_MARK = 'pattern_clips.txt'


def draw_pattern_scene(settings: MotionClipsSettings, pattern: str, index: int) -> Scene:
    """Scene of one clip: motion, background and shapes are drawn, the pattern of all objects is given.

    Args:
        settings: Settings of the clips. Their counts and classes do not matter.
        pattern: One of :data:`PATTERNS`.
        index: Number of the clip in its class.
    """
    number = len(PATTERNS) * index + PATTERNS.index(pattern)
    rng = np.random.default_rng([settings.seed, number])
    scene = draw_scene(settings, 'train', str(rng.choice(list(MOTIONS))), number)
    objects = tuple(
        dataclasses.replace(thing, sprite=draw_sprite(rng, len(thing.sprite), pattern)) for thing in scene.objects
    )
    return dataclasses.replace(scene, objects=objects)


def make_pattern_clips(out: str | Path, per_class: int, settings: MotionClipsSettings | None = None) -> int:
    """Write ``out/<pattern>/<pattern>_<number>.mp4``, or what is missing of it; return the number of clips.

    Args:
        out: Output folder. It is created if it does not exist.
        per_class: Clips of each pattern.
        settings: Size and length of the clips.

    Raises:
        InputError: If the folder holds something else.
    """
    out, settings = Path(out), settings or MotionClipsSettings()
    facts = repr(dataclasses.replace(settings, train=per_class))
    mark = out / _MARK
    if mark.is_file() and mark.read_text(encoding='utf-8') != facts:
        raise InputError(f'{out}: holds pattern clips with other settings; remove it or give another folder')
    if not mark.is_file() and out.is_dir() and any(out.iterdir()):
        raise InputError(f'{out}: exists and is not a folder of pattern clips; give a new folder')
    write_whole(mark, facts)
    for pattern in PATTERNS:
        (out / pattern).mkdir(parents=True, exist_ok=True)
        for index in range(per_class):
            path = out / pattern / f'{pattern}_{index:05d}.mp4'
            if not path.exists():
                frames = render_scene(draw_pattern_scene(settings, pattern, index))
                write_h264(path, frames, fps=settings.fps, gop=settings.gop, qp=settings.qp)
    return per_class * len(PATTERNS)
