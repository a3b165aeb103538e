"""The rules by which images of a folder are the frames of a video, and their order.

A frame folder holds images of one name pattern, such as ``img_00001.jpg``. The names differ in their numbers alone, and
the numbers give the order. All other files of the folder are left out:

- hidden files (``._img_00001.jpg`` of macOS), anything that is no image (``Thumbs.db``), images without a number;
- optical flow beside the pictures (``flow_x_00001.jpg``, ``x_00001.jpg``, ``y_00001.jpg``);
- one image of another pattern (``thumb_1.jpg``).

If several patterns remain, the video is ambiguous, and the folder is refused. So are times with unequal decimals
(``0.04.jpg``, ``0.2.jpg``; ``0.25.jpg``, ``0.5.jpg``), and times of which some lack the zero before the point
(``.96.jpg``, ``1.00.jpg``). Missing numbers are allowed, since many extracted data sets lack some: the frames on both
sides then follow each other. ``tools/data/check_videos.py`` reports them.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from ...errors import VideoReadError
from ..suffixes import IMAGE_SUFFIXES

_NUMBER = re.compile('([0-9]+)')
# Patterns of optical flow, with the number as a star: flow_x_*.jpg, x_*.jpg, *_y.jpg; in TSN also u and v.
_FLOW = re.compile(r'.*flow.*|[xyuv][_-]?\*\.[a-z]+|\*[_-]?[xyuv]\.[a-z]+')


class FrameNames(NamedTuple):
    """The images of a frame folder.

    Attributes:
        frames: Names of the frames in their order.
        left_out: Names of images that are not frames.
        note: A remark on a folder that is readable but unusual, else ''.
    """

    frames: list[str]
    left_out: list[str]
    note: str


class _Name(NamedTuple):
    """A parsed file name. Each name is parsed once, since a data set has millions of them."""

    numbers: tuple[int, ...]
    text: str
    digits: list[str]
    pattern: str


def is_numbered(name: str) -> bool:
    """Whether the name of an image has a number, as the name of a frame has."""
    return _NUMBER.search(os.path.splitext(name)[0]) is not None


def natural_key(name: str) -> tuple[str | int, ...]:
    """Sort key that puts ``frame10`` after ``frame9``."""
    return tuple(int(part) if i % 2 else part for i, part in enumerate(_NUMBER.split(name)))


def find_frames(folder: str) -> FrameNames:
    """Frames of a folder.

    Raises:
        VideoReadError: If the folder holds no images, no numbered images, several patterns, or one number twice.
    """
    images, hidden = _images(folder)
    if not images:
        unseen = f'; {len(hidden)} hidden ones such as {min(hidden)} are left out' if hidden else ''
        raise VideoReadError(folder, f'holds no frames (expected images: {", ".join(IMAGE_SUFFIXES)}{unseen})')
    parsed = list(map(_take_apart, images))
    _refuse_times_without_zero(folder, [*parsed, *map(_take_apart, hidden)])
    names = _choose(folder, [name for name in parsed if name.digits], images)
    names.sort()
    for one, other in zip(names, names[1:]):
        if one.numbers == other.numbers:
            raise VideoReadError(
                folder, f'holds frame {one.numbers[-1]} twice: {one.text} and {other.text}; remove one of them'
            )
    _refuse_unequal_decimals(folder, names)
    _refuse_several_videos(folder, names)
    frames = [name.text for name in names]
    left_out = sorted({*images, *hidden} - set(frames))
    notes = [_missing([name.numbers for name in names])]
    notes += [f'{len(left_out)} other images such as {left_out[0]} left out'] if left_out else []
    return FrameNames(frames, left_out, '; '.join(filter(None, notes)))


def _take_apart(name: str) -> _Name:
    stem, suffix = os.path.splitext(name)
    parts = _NUMBER.split(stem)
    digits = parts[1::2]
    return _Name(tuple(map(int, digits)), name, digits, '*'.join(parts[::2]) + suffix.lower())


def _images(folder: str) -> tuple[list[str], list[str]]:
    """Regular image files, visible and hidden."""
    images: list[str] = []
    hidden: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.lower().endswith(IMAGE_SUFFIXES) and entry.is_file():
                (hidden if entry.name.startswith('.') else images).append(entry.name)
    return images, hidden


def _choose(folder: str, names: Sequence[_Name], images: Sequence[str]) -> list[_Name]:
    """Choose the names of the only pattern that can be the video."""
    if not names:
        raise VideoReadError(
            folder, f'holds {len(images)} images such as {min(images)}, but a frame has a number in its name'
        )
    patterns: dict[str, list[_Name]] = defaultdict(list)
    for name in names:
        patterns[name.pattern].append(name)
    left = [pattern for pattern in patterns if not _FLOW.fullmatch(pattern.lower())] or list(patterns)
    if len(left) > 1:
        several = [pattern for pattern in left if len(patterns[pattern]) > 1]
        left = several if len(several) == 1 else left
    if len(left) > 1:
        counts = ', '.join(f'{pattern} ({len(patterns[pattern])})' for pattern in sorted(left)[:5])
        raise VideoReadError(
            folder,
            f'holds images of {len(left)} name patterns, not of one: {counts}; put each into a folder of its own',
        )
    return patterns[left[0]]


def _refuse_times_without_zero(folder: str, names: Sequence[_Name]) -> None:
    """Refuse ``.96, 1.00``: a name that begins with a point is hidden, and ``t.96`` is of another pattern than ``t1.00``."""
    shown = {name.pattern: name.text for name in names}
    for pattern, text in shown.items():
        whole = shown.get(pattern.replace('.*', '*.*', 1), text)
        if whole != text:
            raise VideoReadError(
                folder,
                f'holds frames that are named by times, some without a zero before the point: {text} and {whole}; '
                'write the zero, too',
            )


def _refuse_several_videos(folder: str, names: Sequence[_Name]) -> None:
    """Refuse ``a1_001, a1_002, a2_001, a2_002``: the frame number starts again under another first number.

    The seconds of a time, ``00-59, 01-00`` or ``0.96, 1.00``, also start again, but such images are one video.
    """
    columns = list(zip(*(name.digits for name in names)))
    varying = [i for i, column in enumerate(columns) if len(set(column)) > 1]
    if len(varying) < 2:
        return
    before, last = columns[varying[-2]], columns[varying[-1]]
    decimal = names[0].pattern.split('*')[varying[-1]] == '.'
    if decimal or {len(number) for number in before + last} == {2}:
        return
    seen: dict[int, _Name] = {}
    for name in names:
        other = seen.setdefault(name.numbers[varying[-1]], name)
        if other is not name:
            raise VideoReadError(
                folder,
                f'seems to hold several videos: {other.text} and {name.text} have the same frame number; put the '
                'frames of each video into a folder of its own',
            )


def _refuse_unequal_decimals(folder: str, names: Sequence[_Name]) -> None:
    """Refuse ``0.0, 0.04, 0.2`` and ``t.04, t.2``: as whole numbers, 4 comes after 2.

    A zero in front of a number that is longer than others tells decimals from a count (``1.9, 1.10`` or ``1.09, 1.100``). So do
    even steps of the decimals alone (``0.0, 0.25, 0.5, 0.75, 1.0``).
    """
    between = names[0].pattern.split('*')
    for i in range(len(names[0].digits)):
        if not between[i].endswith('.'):
            continue
        shortest = min(names, key=lambda name: len(name.digits[i]))
        longer = [name for name in names if len(name.digits[i]) > len(shortest.digits[i])]
        odd = next((name for name in longer if name.digits[i][0] == '0'), None)
        if odd is None and longer and _even_as_decimals_alone(names, i, whole=i > 0 and between[i] == '.'):
            odd = longer[0]
        if odd is not None:
            raise VideoReadError(
                folder,
                f'holds frames that are named by times with unequal decimals: {shortest.text} and {odd.text}; give '
                'each the same number of decimals',
            )


def _even_as_decimals_alone(names: Sequence[_Name], i: int, whole: bool) -> bool:
    """Whether number ``i`` makes even steps as decimals (of the number before it, if ``whole``), and uneven ones as a count."""
    width = max(len(name.digits[i]) for name in names)
    times = [int((name.digits[i - 1] if whole else '') + name.digits[i].ljust(width, '0')) for name in names]
    counts: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for name in names:
        counts[name.numbers[:i]].append(name.numbers[i])
    return len(_steps(times)) == 1 and any(len(_steps(count)) > 1 for count in counts.values())


def _steps(numbers: Sequence[int]) -> set[int]:
    """The different steps from each number to the next larger one."""
    ordered = sorted(numbers)
    return {after - before for before, after in zip(ordered, ordered[1:])}


def _missing(numbers: Sequence[tuple[int, ...]]) -> str:
    """The missing numbers in words. '' if the numbers are evenly spaced or do not form one series (times, shots)."""
    varying = [column for column in zip(*numbers) if len(set(column)) > 1]
    if len(varying) != 1:
        return ''
    steps = [after - before for before, after in zip(varying[0], varying[0][1:])]
    step = min(steps)
    missing = sum(gap // step - 1 for gap in steps)
    if not missing:
        return '' if len(set(steps)) == 1 else 'its frame numbers are unevenly spaced'
    first = next(before for before, gap in zip(varying[0], steps) if gap > step) + step
    return f'{missing} frame numbers are missing, {first} the first of them'
