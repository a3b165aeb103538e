"""Reading the true events of a recording."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...errors import InputError, examples
from ...texts import read_text
from .find import Event

# Time stamps are rounded to milliseconds.
_ROUNDED = 1e-3


def read_events(path: str | Path, names: Sequence[str] | None = None, duration: float | None = None) -> list[Event]:
    """Read a file with one event per line: ``start end label``.

    Start and end are seconds from the start of the recording. The label is the name of a class, which may hold blanks,
    or its number if no class has that name. Blanks, tabs (as in label tracks of Audacity) or commas divide the columns.
    Empty lines and lines that start with ``#`` are skipped.

    Args:
        path: The file.
        names: Names of the classes. None takes every label.
        duration: Duration of the recording in seconds. None does not compare.

    Returns:
        Events by start.

    Raises:
        InputError: If a line is no event, names no class, ends before it starts, lies outside the recording or overlaps
            with another line. The message names the line.
    """
    found: list[tuple[int, Event]] = []
    for number, text in enumerate(read_text(path).split('\n'), 1):
        row = text.strip()
        if row and not row.startswith('#'):
            found.append((number, _event(f'{path}: line {number}', row, names, duration)))
    if not found:
        raise InputError(f"{path}: no event in it; expected lines 'start end label', in seconds")
    found.sort(key=lambda one: one[1][:2])
    for (number, one), (later, other) in zip(found, found[1:]):
        if other.start < one.end - _ROUNDED:
            raise InputError(
                f'{path}: line {later} ({other.start:g} to {other.end:g} s, {other.label}) overlaps with line {number} '
                f'({one.start:g} to {one.end:g} s, {one.label}); a moment can have one label'
            )
    return [event for _, event in found]


def _event(where: str, row: str, names: Sequence[str] | None, duration: float | None) -> Event:
    parts = row.split(None, 2)
    if ',' in ''.join(parts[:2]):  # a label may hold one, too
        parts = [part.strip() for part in row.split(',', 2)]
    try:
        start, end, label = float(parts[0]), float(parts[1]), parts[2]
    except (ValueError, IndexError):
        raise InputError(f"{where} '{row}': expected 'start end label', with the times in seconds") from None
    if not 0 <= start < end < float('inf'):
        raise InputError(f"{where} '{row}': expected 0 <= start < end, in seconds")
    if duration is not None and end > duration + _ROUNDED + 0.001 * duration:
        raise InputError(f"{where} '{row}': ends beyond the recording, which has {duration:.3f} s")
    if names is not None and label not in names:
        if not label.isdecimal() or int(label) >= len(names):
            raise InputError(
                f"{where} '{row}': the model has no class '{label}'; its classes are {examples(names, 10)}"
            )
        label = str(names[int(label)])
    return Event(start, end, label)
