"""A small pool of reusable read buffers."""

from __future__ import annotations

import sys
import threading

import numpy as np

_MOST_BUFFERS = 4
_MOST_BYTES = 64 * 2**20
_LOCAL = threading.local()


def take_buffer(size: int) -> np.ndarray:
    """A buffer uint8 (size,) of any content.

    New memory costs several times as much as writing to it, since the system allocates it page by page. So a thread
    keeps the last few buffers, and reuses a buffer when no array or tensor refers to it.
    """
    pool: list[np.ndarray] = _LOCAL.__dict__.setdefault('pool', [])
    for i in range(len(pool)):
        # Two references: the list's and the argument's. Views, and tensors over them, hold one more each.
        if pool[i].size >= size and sys.getrefcount(pool[i]) == _UNUSED:
            return pool[i][:size]
    buffer: np.ndarray = np.empty(size, np.uint8)
    if size <= _MOST_BYTES:
        pool.append(buffer)
        if len(pool) > _MOST_BUFFERS:
            pool.pop(0)
    return buffer[:]


def _count_unused() -> int:
    pool: list[np.ndarray] = [np.empty(1, np.uint8)]
    return sys.getrefcount(pool[0])


_UNUSED = _count_unused()
