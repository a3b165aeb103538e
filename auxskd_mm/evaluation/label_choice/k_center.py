"""The k-center choice: no video is far from a labelled one."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from .typical import squared_distances


def k_center(features: np.ndarray, count: int, labelled: Collection[int] = ()) -> list[tuple[int, float]]:
    """Choose greedily the rows of features (N, D) that are farthest from all labelled and chosen ones.

    The result is each row with its distance to the nearest labelled or chosen one, in the order of choice.

    Without labels, the first one is the video nearest to the mean.

    Source: O. Sener and S. Savarese, "Active Learning for Convolutional Neural Networks: A Core-Set Approach", ICLR 2018,
    Algorithm 1.
    """
    known = sorted(labelled)
    chosen: list[tuple[int, float]] = []
    if known:
        nearest = squared_distances(features, features[known]).min(1)
    else:
        first = int(((features - features.mean(0)) ** 2).sum(1).argmin())
        nearest = squared_distances(features, features[[first]])[:, 0]
        nearest[first] = -1
        chosen.append((first, 0.0))
    nearest[known] = -1
    while len(chosen) < count:
        row = int(nearest.argmax())
        chosen.append((row, float(np.sqrt(max(nearest[row], 0)))))
        closer = squared_distances(features, features[[row]])[:, 0]
        nearest = np.where(nearest < 0, nearest, np.minimum(np.maximum(nearest, 0), np.maximum(closer, 0)))
        nearest[row] = -1
    return chosen
