"""Two pieces of a step at once on a CUDA device."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TypeVar

import torch
from torch import Tensor

T = TypeVar('T')


@cache
def _side_stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)


def run_beside(first: Callable[[], T], second: Callable[[Tensor], Tensor], inputs: Tensor) -> tuple[T, Tensor]:
    """``(first(), second(inputs))``, the second on a CUDA stream of its own, beside the first.

    ``second`` starts when everything that was queued before this call is done, and what is queued after it waits for
    both. It must keep no graph, and neither may write what the other reads. Random numbers are drawn in the order
    in which the two are named, so that results are those of one stream. Elsewhere than on CUDA they simply follow
    one another.

    Args:
        first: Work for the current stream.
        second: Work for the other one.
        inputs: What ``second`` gets; says which device.
    """
    if not inputs.is_cuda:
        return first(), second(inputs)
    current, side = torch.cuda.current_stream(inputs.device), _side_stream(inputs.device)
    side.wait_stream(current)
    mine = first()
    with torch.cuda.stream(side):
        other = second(inputs)
    current.wait_stream(side)
    # Neither stream's allocator may give the memory away while the other still uses it.
    inputs.record_stream(side)
    other.record_stream(current)
    return mine, other
