"""The queue of anchors."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.dist import broadcast
from torch import Tensor, nn

from ...errors import InputError
from ...registry import MODELS
from .global_batch import gather_batch

_STATE = ('features', 'pointer', 'age', 'filled')


@MODELS.register_module()
class FeatureQueue(nn.Module):
    """First in, first out store of the last ``size`` features, the same on every rank.

    Everything is in ``state_dict``, so a resumed run goes on exactly. Under DDP each rank's keys are gathered before
    they enter, so all ranks hold the same queue. Its tensors are saved, loaded and moved as buffers are, but
    ``model.buffers()`` does not list them: MMEngine's ``SyncBuffersHook`` averages what is listed there, and rounding
    would change one anchor value in seven on three ranks already (the sum of three equal floats, divided by three).

    Args:
        size: Features K.
        dim: Width D of a feature.
        init: ``'unit'`` starts with random features of norm 1. ``'columns'`` divides random features by the norm of
            each of the D columns, as auxSKD does (and ISD's ``train_isd.py``): rows of norm about sqrt(D / K), which
            give nearly uniform targets until they are overwritten.

    Attributes:
        features: float32 (K, D).
        pointer: int64 scalar, the row that the next key is written to.
        age: int32 (K,), calls of :meth:`enqueue` since each row was written, or since the start.
        filled: int64 scalar, how many of the rows hold a real key, at most K.

    Raises:
        InputError: For a size or width below 1, or an unknown ``init``.

    Source: Plrbear/auxSKD @ 79e99b8, ``queue`` and ``queue_ptr``; there the batch must divide K.
    """

    features: Tensor
    pointer: Tensor
    age: Tensor
    filled: Tensor

    def __init__(self, size: int, dim: int, init: str = 'unit') -> None:
        super().__init__()
        for key, value in (('size', size), ('dim', dim)):
            if value < 1:
                raise InputError(f'FeatureQueue.{key}={value}: expected at least 1')
        if init not in ('unit', 'columns'):
            raise InputError(f"FeatureQueue.init='{init}': expected 'unit' or 'columns' (auxSKD's own)")
        self.size, self.dim = size, dim
        self.features = F.normalize(torch.randn(size, dim), dim=1 if init == 'unit' else 0)
        self.pointer = torch.zeros((), dtype=torch.long)
        self.age = torch.zeros(size, dtype=torch.int32)
        self.filled = torch.zeros((), dtype=torch.long)

    @torch.no_grad()
    def enqueue(self, keys: Tensor) -> None:
        """Write the keys of all ranks over the oldest features, in the order of one process with the whole batch.

        Args:
            keys: (B, D), the same B on every rank; any B. Of more than K keys the last K stay.

        Raises:
            InputError: If the width is another.
        """
        if keys.ndim != 2 or keys.shape[1] != self.dim:
            raise InputError(f'keys of shape {tuple(keys.shape)} do not fit a queue of width {self.dim}')
        keys = gather_batch(keys.detach().to(self.features.dtype))
        count, kept = len(keys), min(len(keys), self.size)
        # Indices are computed on the device: reading the pointer would wait for it.
        first = self.pointer + (count - kept)
        rows = (first + torch.arange(kept, device=keys.device)) % self.size
        self.age.add_(1)
        self.age.index_fill_(0, rows, 0)
        self.features.index_copy_(0, rows, keys[count - kept :])
        self.pointer.add_(count).remainder_(self.size)
        self.filled.add_(kept).clamp_(max=self.size)

    def broadcast(self) -> None:
        """Take rank 0's queue on every rank."""
        for name in _STATE:
            broadcast(getattr(self, name), src=0)

    @contextlib.contextmanager
    def _as_buffers(self) -> Iterator[None]:
        """List the tensors among the buffers for a moment, so that PyTorch's own methods serve them."""
        for name in _STATE:
            self.register_buffer(name, self.__dict__.pop(name))
        try:
            yield
        finally:
            self.__dict__.update(self._buffers)
            self._buffers.clear()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> FeatureQueue:
        with self._as_buffers():
            return super()._apply(fn, recurse)

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        with self._as_buffers():
            super()._save_to_state_dict(destination, prefix, keep_vars)

    def _load_from_state_dict(self, *args: Any) -> None:
        with self._as_buffers():
            super()._load_from_state_dict(*args)

    def extra_repr(self) -> str:
        """Sizes, for printing the model."""
        return f'size={self.size}, dim={self.dim}'
