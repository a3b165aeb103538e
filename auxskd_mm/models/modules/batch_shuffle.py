"""Shuffling of a batch across ranks, so that no rank's BatchNorm sees a key together with its query."""

from __future__ import annotations

import torch
from mmengine.dist import all_gather, broadcast, get_rank, get_world_size
from torch import Tensor


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
    """Return outputs to the ranks and the order of the inputs.

    Args:
        batch: (B, ...), the outputs for a shuffled batch.
        restore: Second result of :func:`batch_shuffle`.

    Returns:
        (B, ...) in the original order.
    """
    if restore is None:
        return batch
    everything = torch.cat(all_gather(batch.contiguous()))  # (W * B, ...)
    return everything[restore.view(get_world_size(), -1)[get_rank()]]
