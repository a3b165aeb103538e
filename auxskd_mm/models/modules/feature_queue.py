"""The queue of anchors."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from mmengine.dist import broadcast
from torch import Tensor, nn

from ...errors import InputError, check_choice, check_least
from ...registry import MODELS
from .global_batch import gather_batch


@MODELS.register_module()
class FeatureQueue(nn.Module):
    """First-in, first-out queue of the last ``size`` features. It is the same on every rank.

    All tensors are buffers, so a resumed run continues exactly. Under DDP the keys of all ranks are gathered before
    they enter, so all ranks hold the same queue. The queue must not be averaged over the ranks. Even on three ranks,
    rounding would change one anchor value in seven (the sum of three equal floats, divided by three). Use
    :class:`SyncBuffersExceptQueuesHook` in place of MMEngine's ``SyncBuffersHook``. :class:`SKDDistillerHook` ensures
    this.

    Args:
        size: Number of features K.
        dim: Width D of a feature.
        init: ``'unit'`` starts with random features of norm 1. ``'columns'`` divides random features by the norm of
            each of the D columns, as auxSKD and ISD's ``train_isd.py`` do. Its rows have a norm of about sqrt(D / K).
            They give nearly uniform targets until keys overwrite them.

    Attributes:
        features: float32 (K, D).
        pointer: int64 scalar, the row of the next key.
        age: int32 (K,), the number of calls of :meth:`enqueue` since each row was written, or since the start.
        filled: int64 scalar, the number of rows that hold a real key, at most K.

    Raises:
        InputError: If the size or width is below 1, or ``init`` is unknown.

    Example:
        >>> import torch
        >>> from auxskd_mm.models.modules import FeatureQueue
        >>> queue = FeatureQueue(size=3, dim=2)
        >>> queue.enqueue(torch.ones(2, 2))
        >>> queue.pointer.item(), queue.filled.item(), queue.age.tolist()
        (2, 2, [0, 0, 1])

    Source: Plrbear/auxSKD @ 79e99b8, ``queue`` and ``queue_ptr``. In that code the batch size must divide K.
    """

    features: Tensor
    pointer: Tensor
    age: Tensor
    filled: Tensor
    same_on_all_ranks = True

    def __init__(self, size: int, dim: int, init: str = 'unit') -> None:
        super().__init__()
        check_least('FeatureQueue', size=size, dim=dim)
        check_choice('FeatureQueue.init', init, ('unit', 'columns'))
        self.size, self.dim = size, dim
        self.register_buffer('features', F.normalize(torch.randn(size, dim), dim=1 if init == 'unit' else 0))
        self.register_buffer('pointer', torch.zeros((), dtype=torch.long))
        self.register_buffer('age', torch.zeros(size, dtype=torch.int32))
        self.register_buffer('filled', torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def enqueue(self, keys: Tensor) -> None:
        """Overwrite the oldest features with the keys of all ranks, in the order of one process with the whole batch.

        Args:
            keys: (B, D). B may be any number, but must be the same on every rank. Of more than K keys the last K stay.

        Raises:
            InputError: If the keys have another width than the queue.
        """
        if keys.ndim != 2 or keys.shape[1] != self.dim:
            raise InputError(f'keys of shape {tuple(keys.shape)} do not fit a queue of width {self.dim}')
        keys = gather_batch(keys.detach().to(self.features.dtype))  # (W * B, D), the keys of W ranks
        count, kept = len(keys), min(len(keys), self.size)
        # Indices are computed on the device: reading the pointer would wait for it.
        first = self.pointer + (count - kept)
        rows = (first + torch.arange(kept, device=keys.device)) % self.size  # (kept,) rows to overwrite
        self.age.add_(1)
        self.age.index_fill_(0, rows, 0)
        self.features.index_copy_(0, rows, keys[count - kept :])
        self.pointer.add_(count).remainder_(self.size)
        self.filled.add_(kept).clamp_(max=self.size)

    @torch.no_grad()
    def enqueue_directions(self, keys: Tensor) -> None:
        """L2-normalise keys (B, D), and enqueue them. See :meth:`enqueue`."""
        # In the queue's type: normalised in bfloat16, an anchor's norm would be off by up to 0.4%.
        self.enqueue(F.normalize(keys.to(self.features.dtype), dim=1))

    def broadcast(self) -> None:
        """Copy rank 0's queue to every rank."""
        for tensor in self.buffers():
            broadcast(tensor, src=0)

    def extra_repr(self) -> str:
        """Sizes, for printing the model."""
        return f'size={self.size}, dim={self.dim}'


def named_rank_buffers(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Names and tensors of the buffers that differ between ranks: those of modules without ``same_on_all_ranks``."""
    for prefix, module in model.named_modules():
        if not getattr(module, 'same_on_all_ranks', False):
            yield from module.named_buffers(prefix, recurse=False)
