"""A long recording of MotionClips joined with cuts, whose events are known."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import InputError
from ...files import write_whole
from .encode import write_h264
from .render import render_scene
from .scene import draw_scene
from .settings import MotionClipsSettings


class Part(NamedTuple):
    """A part of a recording: its motion, the number of its scene, its first frame, and its number of frames."""

    motion: str
    number: int
    first: int
    frames: int


def draw_parts(
    settings: MotionClipsSettings, seconds: float, shortest: float = 3.0, longest: float = 8.0, seed: int = 0
) -> list[Part]:
    """Draw which motion is seen when.

    Args:
        settings: ``classes`` and ``fps`` matter. Neighbouring parts have different classes.
        seconds: Length of the recording.
        shortest: Shortest part in seconds.
        longest: Longest part in seconds. The last part may be longer, by less than ``shortest``.
        seed: Seed of the draws.

    Raises:
        InputError: If there is one class only, or the lengths are not in order.
    """
    if len(settings.classes) < 2 or not 1 / settings.fps <= shortest <= longest or seconds < shortest:
        raise InputError(
            f'recording: {len(settings.classes)} class(es), shortest={shortest:g}, longest={longest:g}, seconds={seconds:g}: '
            'expected two classes or more, and shortest <= longest, shortest <= seconds'
        )
    generator = np.random.default_rng([seed, 19])
    total, least = round(seconds * settings.fps), round(shortest * settings.fps)
    parts: list[Part] = []
    first = 0
    while first < total:
        others = [name for name in settings.classes if not parts or name != parts[-1].motion]
        frames = round(generator.uniform(shortest, longest) * settings.fps)
        if total - first - frames < least:
            frames = total - first  # a rest that is too short for a part belongs to the last one
        parts.append(Part(str(generator.choice(others)), len(parts), first, frames))
        first += frames
    return parts


def make_recording(
    path: str | Path,
    settings: MotionClipsSettings,
    seconds: float,
    shortest: float = 3.0,
    longest: float = 8.0,
    seed: int = 0,
) -> Path:
    """Write a recording and its true events.

    Its scenes are those of the split 'test' of the settings, each with the length of its part. The frames of one
    part are in memory at a time.

    Args:
        path: Video to write, ``.mp4``.
        settings: Size, rate, classes and seed of the scenes.
        seconds: See :func:`draw_parts`, also for the arguments that follow.
        shortest: Shortest part in seconds.
        longest: Longest part in seconds.
        seed: Seed of the order and lengths of the parts.

    Returns:
        Path of the events: ``<stem>.txt`` beside the video, with lines ``start end label`` in seconds.

    Raises:
        InputError: See :func:`draw_parts`.
    """
    path = Path(path)
    parts = draw_parts(settings, seconds, shortest, longest, seed)
    write_h264(path, _frames(settings, parts), fps=settings.fps, gop=settings.gop, qp=settings.qp)
    rate = settings.fps
    lines = [f'{one.first / rate:.6f} {(one.first + one.frames) / rate:.6f} {one.motion}\n' for one in parts]
    return write_whole(path.with_suffix('.txt'), ''.join(lines))


def _frames(settings: MotionClipsSettings, parts: list[Part]) -> Iterator[np.ndarray]:
    for part in parts:
        own = dataclasses.replace(settings, frames=part.frames)
        yield from render_scene(draw_scene(own, 'test', part.motion, part.number))
