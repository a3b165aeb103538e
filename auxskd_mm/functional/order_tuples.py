"""Tuples of clips for clip order prediction (VCOP), and the classes of their orders. Frame numbers are 0-based."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from ..errors import InputError

__all__ = ['MAX_TUPLE_LEN', 'MIN_TUPLE_LEN', 'clip_orders', 'order_class', 'order_tuple_indices', 'order_tuple_span']

MIN_TUPLE_LEN, MAX_TUPLE_LEN = 2, 5


def clip_orders(tuple_len: int) -> np.ndarray:
    """All orders of a tuple in lexicographic order. The row number is the class.

    Args:
        tuple_len: Clips N in the tuple, 2 to 5 (2, 6, 24 or 120 classes).

    Returns:
        int64 (N!, N). Each row is a permutation of 0 .. N-1. For N = 3 the rows are 012, 021, 102, 120, 201, 210.

    Raises:
        InputError: If ``tuple_len`` is out of its range.
    """
    if tuple_len not in range(MIN_TUPLE_LEN, MAX_TUPLE_LEN + 1):
        raise InputError(
            f'tuple_len={tuple_len}: expected {MIN_TUPLE_LEN} to {MAX_TUPLE_LEN} clips (2, 6, 24 or 120 orders)'
        )
    return np.asarray(list(itertools.permutations(range(tuple_len))), dtype=np.int64)


def order_class(order: Sequence[int]) -> int:
    """Class of an order: its rank among all permutations in lexicographic order.

    Args:
        order: Permutation of 0 .. N-1. ``order[p]`` is the place in the video of the clip at place p of the tuple.

    Raises:
        InputError: If it is not a permutation.
    """
    places = [int(place) for place in order]
    if sorted(places) != list(range(len(places))):
        raise InputError(f'order={places}: expected a permutation of 0 .. {len(places) - 1}')
    # The rank counts, place by place, the later clips that are smaller.
    return sum(
        sum(later < place for later in places[i + 1 :]) * math.factorial(len(places) - 1 - i)
        for i, place in enumerate(places)
    )


def order_tuple_span(clip_len: int, interval: int, tuple_len: int) -> int:
    """Number of frames from the first to the last frame of a tuple of clips with ``interval`` frames between two of
    them, both included.

    Raises:
        InputError: If the clips have no frames, or the interval is negative.
    """
    if clip_len < 1:
        raise InputError(f'clip_len={clip_len} must be at least 1')
    if interval < 0:
        raise InputError(f'interval={interval} must not be negative')
    return clip_len * tuple_len + interval * (tuple_len - 1)


def order_tuple_indices(clip_len: int, interval: int, order: Sequence[int], start: int) -> np.ndarray:
    """Frames of a tuple of consecutive clips in the given order.

    Args:
        clip_len: Frames L per clip.
        interval: Frames left out between two neighbouring clips.
        order: ``order[p]`` is the place in the video of the clip at place p of the tuple.
        start: First frame of the earliest clip in the video.

    Returns:
        int64 (tuple_len, L). Row p starts at ``start + order[p] * (L + interval)``.

    Source: xudejing/video-clip-order-prediction @ 7a1710d, ``UCF101VCOPDataset``.
    """
    order_tuple_span(clip_len, interval, len(order))
    starts = start + np.asarray(order, dtype=np.int64) * (clip_len + interval)
    return starts[:, None] + np.arange(clip_len)
