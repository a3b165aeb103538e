"""Virtual paths: the names of windows of recordings."""

from __future__ import annotations

import math
import os
import re
from collections import defaultdict
from collections.abc import Collection, Hashable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ...errors import InputError

_MARK = '#t='
_FRAGMENT = re.compile(r'(.*)#t=([^,#]*),([^,#]*)', re.DOTALL)
# Times are named to the microsecond, far below the distance of two frames.
_DIGITS = 6
# Seconds by which a window may pass the end. Durations of other programs count the sound, too, or round.
OVERSHOOT = 0.1


class Window(NamedTuple):
    """A window of a recording, in seconds after its first frame.

    Attributes:
        start: Time from which frames belong to the window.
        end: Time from which they no longer do.
    """

    start: float
    end: float

    def overlaps(self, other: Window) -> bool:
        """Whether the two share a moment."""
        return self.start < other.end and other.start < self.end


def window_path(recording: str, window: Window) -> str:
    """Virtual path of a window, such as ``match.mp4#t=10,20.5``."""
    return f'{recording}{_MARK}{_text(window.start)},{_text(window.end)}'


def split_window(path: str) -> tuple[str, Window | None]:
    """Recording and window of a path. The window is None for an ordinary path.

    Args:
        path: Path of a file, or virtual path. A file that has the name of a virtual path is a file.

    Raises:
        InputError: If the window has a wrong start or end.
    """
    match = _FRAGMENT.fullmatch(path) if _MARK in path else None
    if match is None or os.path.exists(path):
        return path, None
    return match[1], named_window(path)


def named_window(name: str, where: str = '') -> Window:
    """Window of a name in which the mark ``#t=`` stands. Nothing is looked up. ``where`` begins a message.

    Raises:
        InputError: If no start and end follow the mark, or wrong ones.
    """
    match = _FRAGMENT.fullmatch(name)
    try:
        window = Window(*map(float, match.groups()[1:])) if match else None
    except ValueError:
        window = None
    if window is None:
        raise InputError(
            f'{where}{name}: expected #t=START,END in seconds, such as #t=2.5,5, at the end of a window of a recording'
        )
    fault = fault_of(window)
    if fault:
        raise InputError(f'{where}{name}: {fault}')
    return window


def plain_times(path: str) -> str:
    """A path, its window in the digits that data sets name it by.

    Raises:
        InputError: See :func:`split_window`.
    """
    recording, window = split_window(path)
    return path if window is None else window_path(recording, window)


def recording_of(path: str) -> str:
    """The file that a path reads: the recording of a virtual path, else the path itself."""
    return split_window(path)[0]


def without_window(name: str) -> str:
    """A name without the mark of a window, whatever it reads as. Nothing is looked up."""
    return name.partition(_MARK)[0]


def file_stem(path: str) -> str:
    """Last name of a path without its suffix, for files that are made of it. A window keeps its times: ``match#t=10,20.5``."""
    name = without_window(path)
    return Path(name).stem + path.removeprefix(name)


def contradiction(labeled: Sequence[tuple[str, Hashable]]) -> tuple[int, int] | None:
    """Two windows of one recording that overlap and have different labels: a moment has one class.

    Args:
        labeled: Path and label of each video. What has no label (None) and what is no window is passed over.

    Returns:
        Their indices, that of the earlier window first. None if there are no such two.
    """
    found: list[tuple[str, Window, int]] = []
    for i, (path, label) in enumerate(labeled):
        with suppress(InputError):  # a name that only looks like a window
            recording, window = split_window(path) if label is not None else (path, None)
            if window is not None:
                found.append((recording, window, i))
    latest: dict[str, dict[Hashable, tuple[float, int]]] = defaultdict(dict)  # the latest end, by recording and label
    for recording, window, i in sorted(found):
        ends, own = latest[recording], labeled[i][1]
        for label, (end, before) in ends.items():
            if label != own and window.start < end:
                return before, i
        if own not in ends or window.end > ends[own][0]:
            ends[own] = window.end, i
    return None


_CONTRADICTIONS = {
    'labels': ('have the labels', 'a moment has one class, so mend one of the windows'),
    'groups': ('are of the groups', 'they may be on two sides of a split, so give them one group'),
}


def refuse_contradiction(
    source: object, kind: str, paths: Sequence[str], values: Sequence[str | None], names: Sequence[str] | None = None
) -> None:
    """Refuse windows of one recording that overlap and have different labels or groups.

    Args:
        source: Table or folder that names them, for the message.
        kind: What the values are: 'labels' or 'groups'.
        paths: Path of each video.
        values: Its label or group. None for none.
        names: What the message calls them. None takes the paths.

    Raises:
        InputError: If there are two such windows.
    """
    pair = contradiction([*zip(paths, values)])
    if pair is not None:
        (early, late), (have, advice) = pair, _CONTRADICTIONS[kind]
        names = names or paths
        raise InputError(
            f'{source}: {names[early]} and {names[late]} overlap and {have} {values[early]} and {values[late]}; {advice}'
        )


def stretches(paths: Sequence[str]) -> list[int]:
    """Number of the stretch that each path is in. Windows of one recording that overlap, also through others, are in one
    stretch; any other video is one of its own.
    """
    found = [split_window(path) for path in paths]
    numbers = [0] * len(paths)
    number, before, reached = 0, '', 0.0
    for i in sorted(range(len(paths)), key=lambda i: (found[i][0], found[i][1] or Window(0.0, 0.0))):
        recording, window = found[i]
        if window is None or recording != before or window.start >= reached:
            number, reached = number + 1, 0.0
        before = recording
        reached = max(reached, window.end) if window is not None else 0.0
        numbers[i] = number
    return numbers


def apart(paths: Sequence[str], first: Collection[int] = (), others: Sequence[str] = ()) -> list[int]:
    """Choose paths so that no two windows of a recording overlap, and no window can be added.

    Args:
        paths: Paths of videos. Whole videos are all chosen.
        first: Indices that are chosen whatever they overlap. The other windows follow in the order of their starts.
        others: Further windows that those which are added may not overlap.

    Returns:
        The chosen indices, ascending.
    """
    found = [split_window(path) for path in paths]
    given, reached = defaultdict[str, list[Window]](list), defaultdict[str, float](float)
    for recording, window in (*(found[i] for i in first), *map(split_window, others)):
        if window is not None:
            given[os.path.realpath(recording)].append(window)
    kept = {*first}
    for recording, window, i in sorted(
        (os.path.realpath(found[i][0]), found[i][1], i)
        for i in range(len(paths))
        if found[i][1] is not None and i not in kept
    ):
        assert window is not None
        if window.start >= reached[recording] and not any(map(window.overlaps, given[recording])):
            kept.add(i)
            reached[recording] = window.end
    return [i for i in range(len(paths)) if i in kept or found[i][1] is None]


def fault_of(window: Window) -> str:
    """What is wrong with a window whatever its recording. '' if nothing is."""
    if not all(map(math.isfinite, window)):
        return f'start {window.start:g} and end {window.end:g}: expected two numbers of seconds'
    if window.start < 0:
        return f'start {window.start:g} is negative; times are seconds after the first frame'
    if window.start >= window.end:
        return f'start {window.start:g} is not before end {window.end:g}'
    return ''


def _text(seconds: float) -> str:
    return f'{seconds:.{_DIGITS}f}'.rstrip('0').rstrip('.')
