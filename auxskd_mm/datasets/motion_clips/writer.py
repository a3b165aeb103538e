"""Writing a MotionClips set: clips in parallel, then lists and settings."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ...choices import SPLITS
from ...errors import InputError, check_least
from ...files import write_whole
from ...workers import as_done, progress_bar
from .encode import write_h264
from .render import render_scene
from .scene import draw_scene
from .settings import MotionClipsSettings

SETTINGS_FILE = 'motion_clips.json'


class Counts(NamedTuple):
    """Number of clips written by this call, and number of clips that existed before."""

    written: int
    kept: int


class _Job(NamedTuple):
    settings: MotionClipsSettings
    split: str
    motion: str
    number: int
    path: Path


def clip_name(split: str, motion: str, number: int) -> str:
    """Path of a clip relative to the set's folder."""
    return f'{split}/{motion}/{motion}_{number:05d}.mp4'


def make_motion_clips(
    out: str | Path, settings: MotionClipsSettings | None = None, *, workers: int = 1, progress: bool = False
) -> Counts:
    """Write a MotionClips set, or its missing parts.

    ::

        out/motion_clips.json                      the settings
        out/classes.txt                            one class per line, in label order
        out/{train,val,test}.txt                   'path label' lines, paths relative to out;
                                                   no list for a split of 0 clips
        out/{train,val,test}/<class>/<class>_<number>.mp4

    The lists are written last, so their presence means a whole set. Every clip depends only on the seed, its split,
    class and number. Neither the workers nor an interruption change it.

    Args:
        out: Output folder. It is created if it does not exist.
        settings: Settings of the set; the default set if None.
        workers: Number of processes.
        progress: Show a bar with the time left.

    Raises:
        InputError: If the folder holds something else, or a set with other settings.
    """
    out, settings = Path(out), settings or MotionClipsSettings()
    check_least('', workers=workers)
    _claim(out, settings)
    jobs = [job for job in _jobs(out, settings) if not job.path.exists()]
    for folder in sorted({job.path.parent for job in jobs}):
        folder.mkdir(parents=True, exist_ok=True)
    with progress_bar(len(jobs), sys.stdout if progress else None, 'clip') as bar:
        for _ in as_done(_make_clip, jobs, min(workers, len(jobs))):
            bar.update()
    _write_lists(out, settings)
    total = len(settings.classes) * sum(settings.clips(split) for split in SPLITS)
    return Counts(len(jobs), total - len(jobs))


def _claim(out: Path, settings: MotionClipsSettings) -> None:
    """Make sure that the folder is new or holds a set (part of one) with these settings."""
    file, ours = out / SETTINGS_FILE, dataclasses.asdict(settings) | {'classes': list(settings.classes)}
    if not file.exists():
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise InputError(f'{out}: exists and is not a MotionClips folder (no {SETTINGS_FILE}); give a new folder')
        out.mkdir(parents=True, exist_ok=True)
        _write_text(file, json.dumps(ours, indent=2) + '\n')
        return
    try:
        theirs = json.loads(file.read_text(encoding='utf-8'))
        # A set from before a setting existed was made with what is now its default.
        theirs = {**_defaults(), **theirs}
        different = [key for key in {**ours, **theirs} if theirs.get(key) != ours.get(key)]
    except (ValueError, TypeError, AttributeError):
        raise InputError(f'{file}: not a settings file of MotionClips; remove {out} or give another folder') from None
    if different:
        words = '; '.join(f'{key} {_word(theirs.get(key))}, not {_word(ours.get(key))}' for key in different)
        raise InputError(f'{out}: holds MotionClips with other settings ({words}); remove it or give another folder')


def _defaults() -> dict[str, object]:
    return dict(slowing=MotionClipsSettings.slowing)


def _word(value: object) -> str:
    return ' '.join(map(str, value)) if isinstance(value, list) else str(value)


def _jobs(out: Path, settings: MotionClipsSettings) -> Iterator[_Job]:
    for split in SPLITS:
        for number in range(settings.clips(split)):
            for motion in settings.classes:
                yield _Job(settings, split, motion, number, out / clip_name(split, motion, number))


def _make_clip(job: _Job) -> None:
    settings = job.settings
    frames = render_scene(draw_scene(settings, job.split, job.motion, job.number))
    write_h264(job.path, frames, fps=settings.fps, gop=settings.gop, qp=settings.qp)


def _write_lists(out: Path, settings: MotionClipsSettings) -> None:
    _write_text(out / 'classes.txt', ''.join(f'{motion}\n' for motion in settings.classes))
    for split in filter(settings.clips, SPLITS):
        lines = [
            f'{clip_name(split, motion, number)} {label}\n'
            for label, motion in enumerate(settings.classes)
            for number in range(settings.clips(split))
        ]
        _write_text(out / f'{split}.txt', ''.join(lines))


def _write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all. A file with the same content is not rewritten."""
    if path.exists() and path.read_text(encoding='utf-8') == text:
        return
    write_whole(path, text)
