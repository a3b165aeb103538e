"""The checkpoint to go on from: the newest one that is whole."""

from __future__ import annotations

from pathlib import Path

from mmengine.config import Config
from mmengine.dist import broadcast_object_list, get_world_size, is_main_process

from ..checkpoint_files import find_last_good, is_whole
from ..errors import InputError

__all__ = ['agreed_checkpoint', 'choose_checkpoint', 'find_last_good', 'is_whole']


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
    """Let a run resume from the newest whole checkpoint of its work dir. All ranks use the same file.

    If there is no checkpoint, the run starts as without ``--resume``. So a user can always give ``--resume``.

    Args:
        config: Config of a Runner. It gets ``resume`` and, if there is a checkpoint, ``load_from``.

    Raises:
        InputError: See :func:`agreed_checkpoint`.
    """
    found = agreed_checkpoint(config.work_dir)
    config.resume = found is not None
    if found is not None:
        config.load_from = str(found)
