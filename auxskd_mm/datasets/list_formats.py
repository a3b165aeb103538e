"""Reading list files: the column layout is found from the content; an ambiguous list is an error.

======================  ==============================================================================
layout                  source
======================  ==============================================================================
``path``                one video or frame folder per line
``path label``          MMAction2 ``VideoDataset``
``path num_frames``     auxSKD's ``k100.list``
``path num_frames label``  MMAction2 ``RawframeDataset``
``path label num_frames``  VideoPace's and VSPP's UCF101 lists
``path start end``      a window of a recording, in seconds after its first frame
``path start end label``  the same with a class
======================  ==============================================================================

Windows are told apart by a decimal point in any line, or by one path with several windows. Else the videos decide: the
numbers are no frame counts, and lie within the duration. Three numbers are always a window and its label.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, Union

from ..errors import InputError
from .recordings.names import OVERSHOOT, Window, contradiction, fault_of, window_path, without_window
from .suffixes import VIDEO_SUFFIXES

WINDOWS, LABELED_WINDOWS = 'path start end', 'path start end label'
LAYOUTS = (
    'path', 'path label', 'path num_frames', 'path num_frames label', 'path label num_frames', WINDOWS, LABELED_WINDOWS,
)  # fmt: skip


class Length(NamedTuple):
    """Length of a video.

    Attributes:
        frames: Number of frames.
        seconds: Duration, None if unknown.
    """

    frames: int
    seconds: float | None


Probe = Callable[[str], Union[int, Length, None]]

_NUMBER = r'[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+|nan|inf|infinity)'
_TRAILING_NUMBERS = re.compile(rf'^(.*?)((?:\s+{_NUMBER})*)\s*$', re.IGNORECASE)
# Fewer frames than any real clip list holds; class labels, on the other hand, nearly always start at 0 or 1.
_FEWEST_FRAMES = 8
_PROBES = 3


class Entry(NamedTuple):
    """One line of a list: the name as written, and the frame count and class where the list gives them.

    The name of a window is that of a virtual path (:mod:`auxskd_mm.datasets.recordings`).
    """

    name: str
    num_frames: int | None = None
    label: int | None = None


class _Line(NamedTuple):
    number: int
    text: str
    name: str
    values: tuple[float, ...]


def _fail(path: str, line: _Line, expected: str) -> InputError:
    return InputError(f"{path}: line {line.number} '{line.text}': {expected}")


def _split(path: str, number: int, text: str, delimiter: str | None) -> _Line:
    """Name and trailing numbers of a line. Names may hold spaces if they end in a video suffix."""
    if delimiter is None:
        match = _TRAILING_NUMBERS.match(text)
        assert match is not None  # the pattern accepts every line
        name, numbers = match.group(1).strip(), match.group(2).split()
    else:
        name, *numbers = (part.strip() for part in text.split(delimiter))
    quoted = len(name) > 2 and name[0] == name[-1] == '"'
    name = name[1:-1] if quoted else name
    line = _Line(number, text, name, ())
    expected = f'expected 1 to 4 columns ({", ".join(repr(layout) for layout in LAYOUTS)})'
    wrong_spaces = (
        delimiter is None
        and ' ' in name
        and not quoted
        and PurePosixPath(without_window(name)).suffix.lower() not in VIDEO_SUFFIXES
    )
    if wrong_spaces:
        expected += (
            '; a name with blanks ends in a video suffix or stands in double quotes, and a label is a whole number'
        )
    if not name or len(numbers) > 3 or wrong_spaces:
        raise _fail(path, line, f'{expected}, found {len(text.split(delimiter))}')
    try:
        return line._replace(values=tuple(map(_number, numbers)))
    except ValueError:
        raise _fail(path, line, f'{expected} with whole numbers after the path') from None


def _number(text: str) -> float:
    try:
        return int(text)
    except ValueError:
        return float(text)


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
        raise InputError(f'{path}: the list is empty; expected one video per line')
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
        found = probe(line.name)
        if found is not None:
            frames = found.frames if isinstance(found, Length) else found
            # Containers and extracted frames may differ by a few frames at the end.
            answers.append(abs(frames - line.values[column]) <= max(2, 0.05 * frames))
        if len(answers) == _PROBES:
            break
    return answers[0] if answers and len(set(answers)) == 1 else None


def _by_folder(lines: Sequence[_Line]) -> bool | None:
    """Whether the one number column holds frame counts, judged by the class folders of the names. None if unclear."""
    folders: dict[str, set[float]] = defaultdict(set)
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


def _are_windows(lines: Sequence[_Line], probe: Probe | None) -> bool:
    """Whether the two number columns are the start and end of windows."""
    if any(not isinstance(value, int) for line in lines for value in line.values):
        return True  # labels and frame counts are whole
    by_name: dict[str, list[_Line]] = defaultdict(list)
    for line in lines:
        by_name[line.name].append(line)
    ascending = all(line.values[0] < line.values[1] for line in lines)
    for several in by_name.values():
        starts, ends = ({line.values[i] for line in several} for i in (0, 1))
        # A video has one frame count, so a second end means windows.
        if len(ends) > 1 and (len(starts) > 1 or ascending):
            return True
    answers: list[bool] = []
    for name, several in list(by_name.items())[: 10 * _PROBES]:
        found = probe(name) if probe is not None else None
        if isinstance(found, Length) and found.seconds is not None:
            numbers = [value for line in several for value in line.values]
            counts = any(abs(found.frames - value) <= max(2, 0.05 * found.frames) for value in numbers)
            answers.append(not counts and max(numbers) <= found.seconds + OVERSHOOT)
        if len(answers) == _PROBES:
            break
    return bool(answers) and all(answers)


def _two_columns(path: str, lines: Sequence[_Line], probe: Probe | None) -> str:
    if any(line.values[0] == 0 for line in lines):
        return 'path label'  # no video has 0 frames
    for line in lines:
        if not isinstance(line.values[0], int):
            raise _fail(path, line, f'{line.values[0]}: expected a whole number, the label or the frames of the video')
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
    if _are_windows(lines, probe):
        return WINDOWS
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
                f"one label for each video, or list_format='{WINDOWS}' for windows in seconds",
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


def _entry(path: str, line: _Line, keys: Sequence[str]) -> Entry:
    values: dict[str, Any] = dict(zip(keys, line.values))
    name = line.name
    if 'start' in values:
        window = Window(float(values.pop('start')), float(values.pop('end')))
        fault = fault_of(window)
        if fault:
            raise _fail(path, line, fault)
        name = window_path(name, window)
    for key, value in values.items():
        if not isinstance(value, int):
            raise _fail(path, line, f"{key} {value}: expected a whole number (read as '{' '.join(['path', *keys])}')")
    return Entry(name, **values)


def _check_overlaps(path: str, lines: Sequence[_Line], entries: Sequence[Entry]) -> None:
    """Refuse windows of one recording that overlap and have different labels."""
    pair = contradiction([(entry.name, entry.label) for entry in entries])
    if pair is not None:
        before, line = (lines[i] for i in pair)
        raise _fail(
            path,
            line,
            f"overlaps line {before.number} '{before.text}', which has another label; a moment has one class, so mend one of the "
            'windows',
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
    if delimiter == '':
        raise InputError("delimiter='': expected the sign between the columns, such as ',', or None for white space")
    if list_format != 'auto' and list_format not in LAYOUTS:
        raise InputError(f"list_format='{list_format}': expected 'auto' or one of {', '.join(map(repr, LAYOUTS))}")
    lines = _lines(path, delimiter)
    columns = len(lines[0].values)
    if labeled:
        _check_labeled(path, lines, list_format, probe)
    if list_format == 'auto' and labeled and columns == 1:
        layout = 'path label'
    elif list_format == 'auto':
        find = {1: _two_columns, 2: _three_columns}.get(columns)
        layout = find(path, lines, probe) if find else 'path' if columns == 0 else LABELED_WINDOWS
    else:
        layout = list_format
    keys = layout.split()[1:]
    if len(keys) != columns:
        raise _fail(path, lines[0], f"list_format='{layout}' has {1 + len(keys)} columns, the line has {1 + columns}")
    if layout == WINDOWS and labeled:
        raise _fail(path, lines[0], f"windows without a label; expected lines '{LABELED_WINDOWS}'")
    entries = [_entry(path, line, keys) for line in lines]
    _check_overlaps(path, lines, entries)
    for line, entry in zip(lines, entries):
        if entry.num_frames is not None and entry.num_frames < 1:
            raise _fail(path, line, f"a video with {entry.num_frames} frames (read as '{layout}'); remove the line")
        if entry.label is not None and entry.label < 0:
            raise _fail(path, line, f"label {entry.label} is negative (read as '{layout}')")
    return entries, layout
