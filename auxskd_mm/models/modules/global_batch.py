"""Samples of all W ranks: as one batch in the order of a loader (sample i of rank r is sample i * W + r), or shuffled."""

from __future__ import annotations

import torch
from mmengine.dist import all_gather, broadcast, get_rank, get_world_size
from torch import Tensor


@torch.no_grad()
def gather_batch(batch: Tensor) -> Tensor:
    """Gather the samples (B, ...) of W ranks in the order of one process with the whole batch.

    The result is (W * B, ...), without gradient and the same on every rank. B is the same on every rank.

    MMEngine's samplers distribute samples to the ranks one by one, so the first W rows are the first samples of the W
    ranks.
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


@torch.no_grad()
def batch_shuffle(batch: Tensor) -> tuple[Tensor, Tensor | None]:
    """Exchange samples between ranks at random.

    Args:
        batch: (B, ...), the same shape on every rank.

    Returns:
        A batch (B, ...) drawn from all ranks' samples without replacement, and the second argument of
        :func:`batch_unshuffle`. A single process gets its own batch back, because the order has no effect on BatchNorm.

    Source: MoCo (He et al., CVPR 2020), section 3.3, "Shuffling BN".
    """
    world = get_world_size()
    if world == 1:
        return batch, None
    everything = torch.cat(all_gather(batch.contiguous()))  # (W * B, ...)
    order = torch.randperm(len(everything), device=batch.device)
    broadcast(order, src=0)
    mine = order.view(world, -1)[get_rank()]  # (B,) places of this rank's samples
    return everything[mine], order.argsort()


@torch.no_grad()
def batch_unshuffle(batch: Tensor, restore: Tensor | None) -> Tensor:
    """Return the outputs (B, ...) for a shuffled batch to the ranks and the order of the inputs. ``restore`` is the
    second result of :func:`batch_shuffle`.
    """
    if restore is None:
        return batch
    everything = torch.cat(all_gather(batch.contiguous()))  # (W * B, ...)
    return everything[restore.view(get_world_size(), -1)[get_rank()]]
