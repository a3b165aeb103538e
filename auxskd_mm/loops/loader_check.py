"""Checks of a training set over several ranks. Every rank reports a fault before the first step."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

from mmengine.dist import all_gather_object, get_rank, get_world_size

from ..errors import InputError

if TYPE_CHECKING:
    from torch.utils.data import DataLoader


def check_loader(loader: DataLoader) -> None:
    """Refuse loaders that yield no batch, or different numbers of batches on the ranks.

    Raises:
        InputError: In one line, the same on every rank.
    """
    try:
        samples, batches = len(loader.sampler), len(loader)  # type: ignore[arg-type]  # see the except
    except TypeError:  # loaders of iterable datasets
        return
    ranks = all_gather_object((samples, batches)) if get_world_size() > 1 else [(samples, batches)]
    if min(n for _, n in ranks) < 1:
        least = min(n for n, _ in ranks)
        raise InputError(
            f'train_dataloader yields no batch: {least} samples per rank ({get_world_size()} rank(s)) for a batch_size of '
            f'{loader.batch_size} with drop_last; lower train_dataloader.batch_size or start fewer ranks'
        )
    if len({tuple(counts) for counts in ranks}) > 1:
        counts = ', '.join(f'rank {rank}: {n}' for rank, (n, _) in enumerate(ranks))
        raise InputError(
            f'train_dataloader.sampler gives ranks different numbers of samples ({counts}), which would leave some of '
            'them waiting for ever; set round_up=True'
        )


def check_same_data(dataset: Any) -> None:
    """Refuse ranks that read different lists. Folders may differ, but not names, order and labels.

    Raises:
        InputError: If the lists differ. The line is the same on every rank and names the first entry that differs.
    """
    if get_world_size() == 1:
        return
    names = _entries(dataset)
    if names is None:
        names = [str(len(dataset))]
    digest = hashlib.sha256('\n'.join(names).encode('utf-8', 'surrogateescape')).hexdigest()
    others = all_gather_object((digest, len(names)))
    if len({value for value, _ in others}) == 1:
        return
    odd = next(rank for rank, value in enumerate(others) if value[0] != others[0][0])
    mine = names if get_rank() in (0, odd) else None
    lists = all_gather_object(mine)
    first, second = lists[0] or [], lists[odd] or []
    place = next((i for i, (a, b) in enumerate(zip(first, second)) if a != b), min(len(first), len(second)))
    shown = [entries[place] if place < len(entries) else 'nothing' for entries in (first, second)]
    raise InputError(
        f'the training set of rank {odd} ({len(second)} entries) is not that of rank 0 ({len(first)}): entry {place} is '
        f'{shown[1]} against {shown[0]}; give all nodes the same list or folder'
    )


def _entries(dataset: object) -> list[str] | None:
    """One line per entry of MMEngine's data sets, without folders. None for other data sets."""
    while not hasattr(dataset, 'load_data_list') and hasattr(dataset, 'dataset'):
        dataset = dataset.dataset
    if not (hasattr(dataset, 'get_data_info') and hasattr(dataset, '__len__')):
        return None
    count = len(dataset) // int(getattr(dataset, 'repeat', 1))
    lines = []
    for index in range(count):
        info = dataset.get_data_info(index)
        name = os.path.basename(str(info.get('filename', info.get('frame_dir', index))))
        lines.append(json.dumps([name, info.get('label'), info.get('total_frames')], default=str))
    return lines
