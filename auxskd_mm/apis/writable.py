"""Whether a file can be written, asked before the work and not after it."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError


def check_writable(path: str | Path) -> Path:
    """Make the folder of a file, and see whether the file can be written; it is left as it was.

    Raises:
        InputError: If it cannot.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        there = path.exists()
        with open(path, 'ab'):
            pass
        if not there:
            path.unlink()
    except OSError as error:
        raise InputError(f'{path}: cannot be written ({error.strerror})') from None
    return path
