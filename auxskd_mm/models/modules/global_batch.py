"""The batches of all ranks as one, in the order of a loader: place i of rank r is place i * W + r of the whole."""

from __future__ import annotations

import torch
from mmengine.dist import all_gather, broadcast, get_rank, get_world_size
from torch import Tensor


@torch.no_grad()
def gather_batch(batch: Tensor) -> Tensor:
    """The samples of all ranks as one process with the whole batch would have them.

    Args:
        batch: (B, ...), the same shape on every rank.

    Returns:
        (W * B, ...) without gradient, the same on every rank. MMEngine's samplers deal samples out one by one, so the
        first W rows are the first samples of the ranks.
    """
    return torch.stack(all_gather(batch.contiguous()), 1).flatten(0, 1)


@torch.no_grad()
def own_part(whole: Tensor) -> Tensor:
    """This rank's part (B, ...) of something (W * B, ...) in the order of :func:`gather_batch`."""
    return whole[get_rank() :: get_world_size()]


def random_order(size: int, device: torch.device) -> Tensor:
    """A random order of the whole batch, drawn by rank 0, of which this rank gets the places of its samples.

    Args:
        size: Samples B of this rank, the same on every rank.
        device: Of the result.

    Returns:
        int64 (B,), over all ranks a permutation of 0 .. W * B - 1. With the same random state of rank 0 a sample gets
        the same place whatever the number of ranks.
    """
    order = torch.randperm(size * get_world_size(), device=device)
    broadcast(order, src=0)
    return own_part(order)
