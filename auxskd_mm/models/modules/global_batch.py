"""The batches of all W ranks as one batch in the order of a loader: sample i of rank r is sample i * W + r."""

from __future__ import annotations

import torch
from mmengine.dist import all_gather, broadcast, get_rank, get_world_size
from torch import Tensor


@torch.no_grad()
def gather_batch(batch: Tensor) -> Tensor:
    """Gather the samples of all ranks in the order of one process with the whole batch.

    Args:
        batch: (B, ...), the same shape on every rank.

    Returns:
        (W * B, ...) without gradient, the same on every rank. MMEngine's samplers distribute samples to the ranks one
        by one, so the first W rows are the first samples of the W ranks.
    """
    return torch.stack(all_gather(batch.contiguous()), 1).flatten(0, 1)


@torch.no_grad()
def own_part(whole: Tensor) -> Tensor:
    """This rank's part (B, ...) of a tensor (W * B, ...) in the order of :func:`gather_batch`."""
    return whole[get_rank() :: get_world_size()]


def random_order(size: int, device: torch.device) -> Tensor:
    """Places of this rank's samples in a random order of the whole batch. Rank 0 draws the order.

    Args:
        size: Number of samples B on this rank. It is the same on every rank.
        device: Device of the result.

    Returns:
        int64 (B,). The results of all ranks form a permutation of 0 .. W * B - 1. For the same random state of rank 0,
        a sample gets the same place with any number of ranks.
    """
    order = torch.randperm(size * get_world_size(), device=device)
    broadcast(order, src=0)
    return own_part(order)
