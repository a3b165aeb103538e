"""Writing clips to one folder per class."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from ...errors import InputError
from ...files import write_whole
from .encode import write_h264
from .render import render_scene
from .scene import Scene
from .settings import MotionClipsSettings


def make_class_folders(
    out: str | Path,
    kind: str,
    classes: Sequence[str],
    per_class: int,
    settings: MotionClipsSettings,
    draw: Callable[[MotionClipsSettings, str, int], Scene],
) -> int:
    """Write ``out/<class>/<class>_<number>.mp4``, or what is missing of it; return the number of clips.

    Args:
        out: Output folder. It is created if it does not exist.
        kind: What the set is called, such as 'pattern'.
        classes: Names of the classes.
        per_class: Clips of each class.
        settings: Size and length of the clips.
        draw: Scene of a clip by settings, class and number of the clip in its class.

    Raises:
        InputError: If the folder holds something else.
    """
    out = Path(out)
    facts = repr(dataclasses.replace(settings, train=per_class))
    mark = out / f'{kind}_clips.txt'
    if mark.is_file() and mark.read_text(encoding='utf-8') != facts:
        raise InputError(f'{out}: holds {kind} clips with other settings; remove it or give another folder')
    if not mark.is_file() and out.is_dir() and any(out.iterdir()):
        raise InputError(f'{out}: exists and is not a folder of {kind} clips; give a new folder')
    write_whole(mark, facts)
    for name in classes:
        (out / name).mkdir(parents=True, exist_ok=True)
        for index in range(per_class):
            path = out / name / f'{name}_{index:05d}.mp4'
            if not path.exists():
                frames = render_scene(draw(settings, name, index))
                write_h264(path, frames, fps=settings.fps, gop=settings.gop, qp=settings.qp)
    return per_class * len(classes)
