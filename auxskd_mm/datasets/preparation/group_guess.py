"""Groups that the names of clips suggest: a speaker, a scene, a recording."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ...errors import InputError
from .group_split import Clip, divide_by_group

_SIGNS = r'_. \-'
# Letters before a number that name what clips have in common, and those that number the clips of one recording.
_COMMON = re.compile(
    r'(s|sp|spk|speaker|p|person|pers|subj|subject|sub|actor|user|id|g|group|scene|rec|session|seq|match)\d+'
)
_COUNTER = re.compile(r'(c|clip|t|take|part|r|rep|n|no|f|frame|e|example|sample)?\d+')


class Guess(NamedTuple):
    """A pattern that divides clips into groups.

    Attributes:
        pattern: Value for ``--group-pattern``.
        group_of: Mapping from the path of each clip to its group.
        rank: Rank of likelihood; 0 is the likeliest.
    """

    pattern: str
    group_of: dict[str, str]
    rank: int


def guess_groups(clips: Sequence[Clip], folder: str | Path, most: int = 3) -> list[Guess]:
    """Patterns in the paths of clips below a folder that make groups by which they can be split: at most ``most``, the
    likeliest first.

    The function examines sub-folders other than the classes, dates (``2024-05-03_cam1.mp4``), and the words of the file
    name: ``s01_wave_003.mp4`` has the words ``s01``, ``wave`` and ``003``. A word is not a group if it differs in each
    clip, is the same in all clips, is the class, or counts clips. A recording with windows of several classes stands
    there once for each class.
    """
    root = str(Path(folder).resolve())
    paths = [clip.path.removeprefix(root) for clip in clips]
    guesses: dict[tuple[str, ...], Guess] = {}
    for pattern, rank in _candidates(paths):
        matches = [re.search(pattern, path) for path in paths]
        values = tuple(match.group(1) for match in matches if match)
        if len(values) < len(paths) or len(set(values)) > len(set(paths)) // 2:
            continue
        # A counter in some names alone is no group either: their words stand at other places.
        if any(_COUNTER.fullmatch(value.lower()) for value in values) and rank > 1:
            continue
        if all(_COMMON.fullmatch(value.lower()) for value in values):
            rank = 0
        if values not in guesses and _can_be_split(clips, values):
            guesses[values] = Guess(pattern, {clip.path: value for clip, value in zip(clips, values)}, rank)
    return sorted(guesses.values(), key=lambda guess: guess.rank)[:most]


def _candidates(paths: Sequence[str]) -> list[tuple[str, int]]:
    """Patterns to try, each with its rank. Short patterns come before long ones of the same meaning."""
    found: list[tuple[str, int]] = []
    names = [PurePosixPath(path) for path in paths]
    for level in range(min(len(name.parts) for name in names) - 2):
        found.append((f'^{"/[^/]+" * level}/([^/]+)/', 1))
    words = [re.split(f'[{_SIGNS}]+', name.stem) for name in names]
    for i, word in enumerate(words[0]):  # in other names it may stand elsewhere: classes have one word or several
        if start := re.escape(re.sub(r'\d+$', '', word)):
            found.append((rf'[/{_SIGNS}]({start}\d+)[{_SIGNS}]', 2 if i == 0 else 3))
    for i in range(min(map(len, words))):
        before = f'(?:[^/{_SIGNS}]+[{_SIGNS}]+){{{i}}}' if i else ''
        found.append((f'/{before}([^/{_SIGNS}]+)[{_SIGNS}][^/]*$', 2 if i == 0 else 4))
    found.append((r'/([A-Za-z]+\d+)[^/\d][^/]*$', 3))  # s01c02.mp4
    found.append((r'(?<!\d)(20\d\d[-_.]?[01]\d[-_.]?[0-3]\d)(?!\d)', 1))  # 2024-05-03_cam1.mp4, VID_20240503_101500.mp4
    return found


def _can_be_split(clips: Sequence[Clip], values: Sequence[str]) -> bool:
    grouped = [clip._replace(group=value) for clip, value in zip(clips, values)]
    try:
        divide_by_group(grouped, dict(train=0.75, test=0.25), 0)
    except InputError:
        return False
    return True
