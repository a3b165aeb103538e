"""Lists of labelled videos as MMAction2's ``VideoDataset`` reads them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from ...errors import InputError, examples
from ...texts import write_text
from ..suffixes import VIDEO_SUFFIXES


class Labeled(NamedTuple):
    """A video and its class."""

    path: str
    label: int


def write_list(path: str | Path, videos: Sequence[Labeled], delimiter: str = ' ') -> Path:
    """Write ``path label`` lines, one per video. The folder is created if it does not exist.

    Raises:
        InputError: If a path holds the delimiter or a line break, or the delimiter is empty. The list could not be read
            back.
    """
    if not delimiter:
        raise InputError("delimiter='': expected the sign between path and label, such as ','")
    torn = [video.path for video in videos if delimiter in video.path]
    if torn:
        raise InputError(
            f'{path}: {len(torn)} paths hold the delimiter {delimiter!r}: {examples(torn, 1)}; rename them, or pass '
            "--delimiter with another character and set the data set's delimiter to it"
        )
    return write_lines(path, (f'{video.path}{delimiter}{video.label}' for video in videos))


def listed(name: str) -> str:
    """A name as lists of names have it: one with blanks ends in a video suffix, or stands in quotes."""
    return f'"{name}"' if ' ' in name and not name.lower().endswith(VIDEO_SUFFIXES) else name


def remove_list(path: str | Path) -> None:
    """Remove the list of a part that is no longer made: beside the other new lists it would tell of another split."""
    Path(path).unlink(missing_ok=True)


def write_lines(path: str | Path, lines: Iterable[str]) -> Path:
    """Write lines of text. The folder is created if it does not exist.

    Raises:
        InputError: If a line holds a line break.
    """
    lines = list(lines)
    broken = [line for line in lines if '\n' in line or '\r' in line]
    if broken:
        raise InputError(f'{path}: {len(broken)} names hold a line break, such as {broken[0]!r}; rename these files')
    return write_text(path, ''.join(f'{line}\n' for line in lines))
