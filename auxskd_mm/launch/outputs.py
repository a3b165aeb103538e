"""Protects files: a tool never writes over its inputs, and over foreign files only with ``--overwrite``."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from ..errors import InputError
from ..files import check_writable, mark_written, was_written_here

# Files that the running tool may write, with their times before; run_tool marks the changed ones at the end.
_before: dict[Path, int] = {}
_folders: list[tuple[Path, str]] = []


def check_outputs(
    args: argparse.Namespace, outputs: Iterable[str | Path | None], reads: Iterable[str | Path | None] = ()
) -> None:
    """Refuse, before the work starts, to overwrite files that the command reads or that the tool did not write.

    Args:
        args: Arguments with ``overwrite``.
        outputs: Files to write. None and '' are ignored.
        reads: Files that the command reads. Names that are not files may be among them.

    Raises:
        InputError: See :func:`check_writable`.
    """
    sources = [source for source in reads if source]
    for path in outputs:
        if not path:
            continue
        checked = check_writable(path, sources, args.overwrite)
        _before[checked] = _time(checked)


def check_folder(args: argparse.Namespace, folder: str | Path | None, pattern: str) -> None:
    """Refuse a folder with files of a pattern that the tool did not write. It might use their names again.

    Raises:
        InputError: If there is such a file. The message names the first one.
    """
    if not folder:
        return
    others = [path for path in Path(folder).glob(pattern) if not was_written_here(path)]
    if others and not args.overwrite:
        raise InputError(
            f'{folder}: holds {len(others)} file(s) {pattern} that are not as this tool wrote them, such as '
            f'{others[0].name}; give another folder, or --overwrite to let it replace files of the same name'
        )
    _folders.append((Path(folder), pattern))
    _before.update((path, _time(path)) for path in Path(folder).glob(pattern))


def mark_outputs() -> None:
    """Mark the written files as files of the tool."""
    for folder, pattern in _folders:
        for path in folder.glob(pattern):
            _before.setdefault(path, 0)
    for path, time in _before.items():
        if _time(path) != time:
            mark_written(path)
    _before.clear()
    _folders.clear()


def _time(path: Path) -> int:
    return path.stat().st_mtime_ns if path.is_file() else 0
