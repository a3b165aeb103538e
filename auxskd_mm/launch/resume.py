"""The checkpoint to go on from: the newest one that is whole."""

from __future__ import annotations

import logging
import re
import zipfile
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import broadcast_object_list, get_world_size, is_main_process
from mmengine.logging import print_log

from ..errors import InputError

_STEP = re.compile(r'(?:epoch|iter)_(\d+)\.pth$')


def is_whole(path: str | Path) -> bool:
    """Whether a checkpoint is complete and its checksums fit (torch's files since 1.6 are zip archives)."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError):
        return False


def find_last_good(work_dir: str | Path) -> Path | None:
    """Newest whole checkpoint in a work dir: the one that ``last_checkpoint`` names, else by time of writing.

    Returns:
        None if there is no checkpoint at all.

    Raises:
        InputError: If there are some and none is whole.
    """
    folder = Path(work_dir)
    candidates = [
        path for path in folder.glob('*.pth') if _STEP.search(path.name) and not path.name.startswith('best_')
    ]
    candidates.sort(key=lambda path: (path.stat().st_mtime_ns, int(_STEP.search(path.name)[1])), reverse=True)  # type: ignore[index]
    pointer = folder / 'last_checkpoint'
    if pointer.is_file() and (named := pointer.read_text(errors='replace').strip()):
        # The pointer holds the path of the time of writing; a work dir that was moved keeps working.
        named_files = [path for path in (Path(named), folder / Path(named).name) if path.is_file()]
        candidates = named_files[:1] + [path for path in candidates if path.name != Path(named).name]
    for path in candidates:
        if is_whole(path):
            return path
        print_log(f'{path}: damaged or cut off, not resumed from', 'current', logging.WARNING)
    if candidates:
        raise InputError(f'{folder}: none of its {len(candidates)} checkpoints is whole; move them away to start anew')
    return None


def agreed_checkpoint(work_dir: str | Path) -> Path | None:
    """Rank 0's :func:`find_last_good`, on every rank.

    Raises:
        InputError: On every rank, if rank 0's search failed, or on ranks that cannot see the file.
    """
    if get_world_size() == 1:
        return find_last_good(work_dir)
    found: list = [None, None]
    if is_main_process():
        try:
            path = find_last_good(work_dir)
            found = [None if path is None else str(path), None]
        except InputError as error:
            found = [None, str(error)]
    broadcast_object_list(found)
    if found[1] is not None:
        raise InputError(found[1])
    if found[0] is not None and not Path(found[0]).is_file():
        raise InputError(f'{found[0]}: rank 0 resumes from it, but it is not seen here; put work_dir on a shared disk')
    return None if found[0] is None else Path(found[0])


def choose_checkpoint(config: Config) -> None:
    """Let a run resume from the newest whole checkpoint of its work dir, the same on every rank.

    Without any it starts as it would without ``--resume``, so that a run can always be started with it.

    Args:
        config: Config of a Runner; gets ``resume`` and, if there is a checkpoint, ``load_from``.

    Raises:
        InputError: See :func:`agreed_checkpoint`.
    """
    found = agreed_checkpoint(config.work_dir)
    config.resume = found is not None
    if found is not None:
        config.load_from = str(found)
