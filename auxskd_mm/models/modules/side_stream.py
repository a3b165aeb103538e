"""Concurrent execution of two parts of a training step on a CUDA device."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TypeVar

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

T = TypeVar('T')
U = TypeVar('U')


@cache
def _side_stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)


def run_beside(first: Callable[[], T], second: Callable[[Tensor], U], inputs: Tensor) -> tuple[T, U]:
    """Return ``(first(), second(inputs))`` and run ``second`` on its own CUDA stream in parallel to ``first``.

    ``second`` starts when all work queued before this call is done. Work queued after the call waits for both.
    ``second`` must keep no autograd graph. Neither function may write data that the other reads. Random numbers are
    drawn for ``second`` and then for ``first``, so the results are those of one stream. Without CUDA ``second`` runs
    before ``first``.

    Args:
        first: Work for the current stream.
        second: Work for the other stream. It returns a tensor, or a container of tensors that torch's pytree knows.
        inputs: Argument of ``second``, a tensor of any shape. Its device is the device of both streams.
    """
    if not inputs.is_cuda:
        other = second(inputs)
        return first(), other
    current, side = torch.cuda.current_stream(inputs.device), _side_stream(inputs.device)
    side.wait_stream(current)
    with torch.cuda.stream(side):
        other = second(inputs)
    mine = first()
    current.wait_stream(side)
    # Neither stream's allocator may give the memory away while the other still uses it.
    inputs.record_stream(side)
    for tensor in tree_leaves(other):
        if isinstance(tensor, Tensor):
            tensor.record_stream(current)
    return mine, other
