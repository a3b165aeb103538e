"""Reading list files: the column layout is found from the content; an ambiguous list is an error.

======================  ==============================================================================
layout                  source
======================  ==============================================================================
``path``                one video or frame folder per line
``path label``          MMAction2 ``VideoDataset``
``path num_frames``     auxSKD's ``k100.list``
``path num_frames label``  MMAction2 ``RawframeDataset``
``path label num_frames``  VideoPace's and VSPP's UCF101 lists
======================  ==============================================================================
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Optional

from ..errors import InputError
from .suffixes import VIDEO_SUFFIXES

LAYOUTS = ('path', 'path label', 'path num_frames', 'path num_frames label', 'path label num_frames')

Probe = Callable[[str], Optional[int]]

_TRAILING_INTEGERS = re.compile(r'^(.*?)((?:\s+-?\d+)*)\s*$')
# Fewer frames than any real clip list holds; class labels, on the other hand, nearly always start at 0 or 1.
_FEWEST_FRAMES = 8
_PROBES = 3


class Entry(NamedTuple):
    """One line of a list: the name as written, and the frame count and class where the list gives them."""

    name: str
    num_frames: int | None = None
    label: int | None = None


class _Line(NamedTuple):
    number: int
    text: str
    name: str
    values: tuple[int, ...]


def _fail(path: str, line: _Line, expected: str) -> InputError:
    return InputError(f"{path}: line {line.number} '{line.text}': {expected}")


def _split(path: str, number: int, text: str, delimiter: str | None) -> _Line:
    """Name and trailing integers of a line. Names may hold spaces if they end in a video suffix."""
    if delimiter is None:
        match = _TRAILING_INTEGERS.match(text)
        assert match is not None  # the pattern accepts every line
        name, numbers = match.group(1).strip(), match.group(2).split()
    else:
        name, *numbers = (part.strip() for part in text.split(delimiter))
    quoted = len(name) > 2 and name[0] == name[-1] == '"'
    name = name[1:-1] if quoted else name
    line = _Line(number, text, name, ())
    expected = f'expected 1 to 3 columns ({", ".join(repr(layout) for layout in LAYOUTS)})'
    wrong_spaces = (
        delimiter is None and ' ' in name and not quoted and PurePosixPath(name).suffix.lower() not in VIDEO_SUFFIXES
    )
    if wrong_spaces:
        expected += (
            '; a name with blanks ends in a video suffix or stands in double quotes, and a label is a whole number'
        )
    if not name or len(numbers) > 2 or wrong_spaces:
        raise _fail(path, line, f'{expected}, found {len(text.split(delimiter))}')
    try:
        return line._replace(values=tuple(int(value) for value in numbers))
    except ValueError:
        raise _fail(path, line, f'{expected} with whole numbers after the path') from None


def _lines(path: str, delimiter: str | None) -> list[_Line]:
    try:
        # File names need not be UTF-8: bytes that are not stand for themselves, as in Python's own paths.
        text = Path(path).read_text(encoding='utf-8-sig', errors='surrogateescape')
    except FileNotFoundError:
        raise InputError(f'{path}: no such list file; give a folder, a glob or an existing list') from None
    except OSError as error:
        raise InputError(f'{path}: cannot be read as a text list ({error})') from None
    if '\0' in text:
        raise InputError(
            f'{path}: cannot be read as a text list (it holds zero bytes, perhaps UTF-16); save it as UTF-8'
        )
    # Not splitlines(): it also splits at signs that names may hold.
    rows = [(i, row.strip()) for i, row in enumerate(text.split('\n'), 1)]
    lines = [_split(path, i, row, delimiter) for i, row in rows if row and not row.startswith('#')]
    if not lines:
        raise InputError(f'{path}: the list is empty; expected one video a line')
    columns = len(lines[0].values)
    for line in lines:
        if len(line.values) != columns:
            raise _fail(
                path,
                line,
                f'{1 + len(line.values)} columns, but line {lines[0].number} has {1 + columns}; '
                'a list must keep one layout, so split it or mend the line',
            )
    return lines


def _probe_says(lines: Sequence[_Line], column: int, probe: Probe | None) -> bool | None:
    """Whether a column holds frame counts. The function opens a few of the videos to find out.

    None if no video can be opened or they disagree.
    """
    if probe is None:
        return None
    answers: list[bool] = []
    for line in lines[: 10 * _PROBES]:
        frames = probe(line.name)
        if frames is not None:
            # Containers and extracted frames may differ by a few frames at the end.
            answers.append(abs(frames - line.values[column]) <= max(2, 0.05 * frames))
        if len(answers) == _PROBES:
            break
    return answers[0] if answers and len(set(answers)) == 1 else None


def _by_folder(lines: Sequence[_Line]) -> bool | None:
    """Whether the one number column holds frame counts, judged by the class folders of the names. None if unclear."""
    folders: dict[str, set[int]] = defaultdict(set)
    for line in lines:
        folders[str(PurePosixPath(line.name).parent)].add(line.values[0])
    if len(folders) < 2 or len(lines) < 2 * len(folders):
        return None
    least = min(min(values) for values in folders.values())
    varying = sum(len(values) > 1 for values in folders.values())
    if 2 * varying > len(folders) and least >= _FEWEST_FRAMES:
        return True
    if varying == 0 and len(set().union(*folders.values())) == len(folders):
        return False
    return None


def _two_columns(path: str, lines: Sequence[_Line], probe: Probe | None) -> str:
    if any(line.values[0] == 0 for line in lines):
        return 'path label'  # no video has 0 frames
    holds_frames = _probe_says(lines, 0, probe)
    if holds_frames is None:
        holds_frames = _by_folder(lines)
    if holds_frames is None:
        raise _fail(
            path,
            lines[0],
            "ambiguous: the number may be a label or a frame count; set list_format='path label' or 'path num_frames'",
        )
    return 'path num_frames' if holds_frames else 'path label'


def _three_columns(path: str, lines: Sequence[_Line], probe: Probe | None) -> str:
    first = [line.values[0] for line in lines]
    second = [line.values[1] for line in lines]
    layouts = {True: 'path num_frames label', False: 'path label num_frames'}
    if (0 in first) != (0 in second):
        frames = 0 if 0 in second else 1  # a 0 can only be a label
        if max(line.values[frames] for line in lines) < _FEWEST_FRAMES and _probe_says(lines, frames, probe) is False:
            raise _fail(
                path,
                lines[0],
                'the last two columns are no label and frame count (the videos have other numbers of frames); expected '
                'one label for each video',
            )
        return layouts[not frames]
    if 0 not in first:
        if max(first) < min(second) or max(second) < min(first):
            # Frame counts and labels lie apart, and labels are the small ones.
            return layouts[min(first) > max(second)]
        answers = _probe_says(lines, 0, probe), _probe_says(lines, 1, probe)
        if answers in ((True, False), (False, True)):
            return layouts[bool(answers[0])]
    raise _fail(
        path,
        lines[0],
        'ambiguous: cannot tell label and frame count apart; '
        "set list_format='path num_frames label' or 'path label num_frames'",
    )


def _check_labeled(path: str, lines: Sequence[_Line], list_format: str, probe: Probe | None) -> None:
    """Refuse a list without labels."""
    columns = len(lines[0].values)
    if columns == 0:
        sign = next((sign for sign in ',;|' if re.search(rf'{re.escape(sign)}\s*\d+$', lines[0].text)), None)
        hint = f"; the columns seem to be divided by '{sign}': set delimiter='{sign}'" if sign else ''
        raise _fail(path, lines[0], f"no label; expected lines 'path label' with a whole number from 0 on{hint}")
    if 'label' not in list_format and list_format != 'auto':
        raise InputError(f"{path}: list_format='{list_format}' has no label; expected lines 'path label'")
    if columns != 1 or list_format != 'auto' or any(line.values[0] < _FEWEST_FRAMES for line in lines):
        return
    by_folder = _by_folder(lines)
    if by_folder or (
        by_folder is None and len({line.values[0] for line in lines}) > 1 and _probe_says(lines, 0, probe)
    ):
        raise _fail(
            path,
            lines[0],
            "the number counts the frames of the video, and is no label; expected lines 'path label' (if it is one, set "
            "list_format='path label')",
        )


def line_number(path: str, index: int, delimiter: str | None = None) -> int:
    """Line number of entry ``index`` of a list. Empty lines and comments count as lines. Entries count from 0."""
    return _lines(path, delimiter)[index].number


def read_list(
    path: str,
    *,
    list_format: str = 'auto',
    delimiter: str | None = None,
    probe: Probe | None = None,
    labeled: bool = False,
) -> tuple[list[Entry], str]:
    """Read a list file.

    Args:
        path: The list. Empty lines and lines that start with ``#`` are skipped.
        list_format: One of :data:`LAYOUTS`, or 'auto' to find it from the content.
        delimiter: Column separator; None is any white space.
        probe: Function from a name to the frame count of the video, or to None if there is no such file. It is called
            for a few names, and only where the numbers alone do not decide.
        labeled: True if the list must have labels. A single number after a name is then a label, unless it is shown to
            be a frame count.

    Returns:
        The entries, and the layout in use.

    Raises:
        InputError: If the list is missing, empty, mixed, ambiguous or has a line that fits no layout. The message
            quotes the line.
    """
    if list_format != 'auto' and list_format not in LAYOUTS:
        raise InputError(f"list_format='{list_format}': expected 'auto' or one of {', '.join(map(repr, LAYOUTS))}")
    lines = _lines(path, delimiter)
    columns = len(lines[0].values)
    if labeled:
        _check_labeled(path, lines, list_format, probe)
    if list_format == 'auto' and labeled and columns == 1:
        layout = 'path label'
    elif list_format == 'auto':
        layout = 'path' if columns == 0 else (_two_columns if columns == 1 else _three_columns)(path, lines, probe)
    else:
        layout = list_format
    keys = layout.split()[1:]
    if len(keys) != columns:
        raise _fail(path, lines[0], f"list_format='{layout}' has {1 + len(keys)} columns, the line has {1 + columns}")
    entries = [Entry(line.name, **dict(zip(keys, line.values))) for line in lines]
    for line, entry in zip(lines, entries):
        if entry.num_frames is not None and entry.num_frames < 1:
            raise _fail(path, line, f"a video with {entry.num_frames} frames (read as '{layout}'); remove the line")
        if entry.label is not None and entry.label < 0:
            raise _fail(path, line, f"label {entry.label} is negative (read as '{layout}')")
    return entries, layout
