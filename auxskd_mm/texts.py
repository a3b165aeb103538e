"""Text files and tables in and out: UTF-8, with names of files that are not UTF-8 kept byte for byte."""

from __future__ import annotations

import csv
import io
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .errors import InputError
from .files import write_whole

# Python reads a byte of a file name that is no UTF-8 as a lone surrogate; this way it is written as that byte again.
ERRORS = 'surrogateescape'


class Table(NamedTuple):
    """A table with a header.

    Attributes:
        columns: Their names.
        rows: Number of the line that each row ends in, and its values by column.
    """

    columns: list[str]
    rows: list[tuple[int, dict[str, str]]]


def write_text(path: str | Path, text: str) -> Path:
    """Write a text file whole, as UTF-8; the folder is made if needed, and names of files keep their bytes."""
    return write_whole(path, text.encode('utf-8', ERRORS))


def read_text(path: str | Path, encoding: str = 'utf-8-sig', errors: str = 'strict') -> str:
    """Read the text of a file that people write. A byte order mark is removed.

    Args:
        path: The file.
        encoding: Encoding of the file.
        errors: Argument of ``bytes.decode``. Use :data:`ERRORS` for files of this package, whose names may hold any bytes.

    Raises:
        InputError: If the file is missing, or a line has another encoding. The message names the line.
    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise InputError(f'{path}: no such file') from None
    except OSError as error:
        raise InputError(f'{path}: cannot be read ({error.strerror})') from None
    try:
        return data.decode(encoding, errors)
    except LookupError:
        raise InputError(f"encoding '{encoding}': unknown; expected one such as utf-8, cp1252 or latin-1") from None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b'\n') + 1
        raise InputError(
            f'{path}: line {line} is not {encoding.removesuffix("-sig").upper()} (byte 0x{data[error.start]:02x}); '
            "save the file as UTF-8 ('CSV UTF-8' in a spreadsheet), or name its encoding where there is an option for it"
        ) from None


def read_table(path: str | Path, encoding: str = 'utf-8-sig', errors: str = 'strict') -> Table:
    """Read a CSV with a header.

    If the header has semicolons or tabs and no comma, they separate the values. Blanks before a value are removed.

    Args:
        path: The table.
        encoding: Encoding of the file.
        errors: See :func:`read_text`.

    Raises:
        InputError: If the file cannot be read as text, two columns have one name, or a row has more or fewer values than
            the header. The message names the line.
    """
    text = read_text(path, encoding, errors)
    header_line = text.lstrip().split('\n', 1)[0]
    separator = next((sign for sign in ',;\t' if sign in header_line), ',')
    reader = csv.reader(io.StringIO(text, newline=''), delimiter=separator, skipinitialspace=True, strict=True)
    table = Table([], [])
    header = table.columns
    try:
        for values in reader:
            if not any(value.strip() for value in values):
                continue
            if not header:
                header.extend(value.strip() for value in values)
                if len(set(header)) < len(header):
                    raise InputError(f'{path}: two columns have one name: {", ".join(header)}')
                continue
            if len(values) != len(header):
                raise InputError(
                    f'{path}: line {reader.line_num} has {len(values)} values, the header has {len(header)} '
                    f'({", ".join(header)}); put a value that holds a {separator!r} in double quotes'
                )
            table.rows.append((reader.line_num, dict(zip(header, values))))
    except csv.Error as error:
        raise InputError(f'{path}: line {reader.line_num} is not CSV ({error})') from None
    return table


def write_table(path: str | Path, rows: Sequence[Sequence[Any]]) -> Path:
    """Write rows, the header first, as CSV in UTF-8; the folder is made if needed."""
    buffer = io.StringIO(newline='')
    csv.writer(buffer).writerows(rows)
    return write_text(path, buffer.getvalue())


def require_columns(path: str | Path, table: Table, columns: Sequence[str]) -> None:
    """Check that a table has these columns.

    Raises:
        InputError: If it lacks one.
    """
    if not set(columns) <= set(table.columns):
        found = ', '.join(table.columns) or 'an empty file'
        raise InputError(f'{path}: expected the columns {" and ".join(columns)}, found {found}')


def printable(text: str) -> str:
    r"""Make a text for any terminal. Bytes of names that are not UTF-8 become ``\udce9``."""
    return text.encode('utf-8', 'backslashreplace').decode('utf-8')


def print_any_name() -> None:
    """Let ``print`` and the log show every file name, on every terminal and in every encoding of the log file."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors='backslashreplace')
    make = logging.getLogRecordFactory()
    if getattr(make, 'takes_any_name', False):
        return

    def record(*args: Any, **kwargs: Any) -> logging.LogRecord:
        made = make(*args, **kwargs)
        if isinstance(made.msg, str):
            made.msg = printable(made.msg)
        return made

    record.takes_any_name = True  # type: ignore[attr-defined]  # marks the function as ours
    logging.setLogRecordFactory(record)
