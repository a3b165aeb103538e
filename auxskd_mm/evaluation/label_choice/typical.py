"""TypiClust: the most typical videos of clusters without a label."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

# Constants of the original code.
_NEIGHBOURS, _LEAST_SIZE, _MOST_CLUSTERS = 20, 5, 500
_MINI_BATCH_FROM = 50  # clusters


def typicality(features: np.ndarray, neighbours: int) -> np.ndarray:
    """One over the mean distance of features (N, D) to their nearest neighbours, float (N,). With 0 neighbours all are
    equally typical.
    """
    if neighbours < 1:
        return np.ones(len(features))
    distances = np.sqrt(np.maximum(squared_distances(features, features), 0))
    nearest = np.sort(distances, axis=1)[:, 1 : neighbours + 1]  # the first one is the video itself
    return 1 / (nearest.mean(1) + 1e-5)


def squared_distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Squared Euclidean distances (N, M) of features (N, D) and (M, D)."""
    return (one**2).sum(1)[:, None] + (other**2).sum(1)[None] - 2 * one @ other.T


def typical_clips(
    features: np.ndarray, count: int, labelled: Collection[int] = (), seed: int = 0
) -> list[tuple[int, int]]:
    """Choose videos by TypiClust.

    The features are clustered into as many clusters as there are labels afterwards (at most 500). Clusters without a
    label come first, large ones before small ones. In each, the most typical video is chosen: the one with the smallest
    mean distance to its nearest neighbours in the cluster (20, or half of a smaller cluster). Clusters with fewer than 5
    videos are left out where there are enough larger ones.

    Args:
        features: Features of unit length (N, D).
        count: Number of videos to choose.
        labelled: Rows that have a label already.
        seed: Seed of the clustering.

    Returns:
        Row and size of its cluster, in the order of choice.

    Source: G. Hacohen et al., "Active Learning on a Budget: Opposite Strategies Suit High and Low Budgets", ICML 2022
    (``typiclust.py`` of avihu111/TypiClust).
    """
    known = sorted(labelled)
    clusters = _cluster(features, min(len(known) + count, _MOST_CLUSTERS, len(features)), seed)
    sizes = np.bincount(clusters)
    labels_in = np.bincount(clusters[known], minlength=len(sizes)) if known else np.zeros(len(sizes), int)
    order = np.lexsort((-sizes, labels_in)).tolist()
    large = [cluster for cluster in order if sizes[cluster] >= _LEAST_SIZE]
    # The original never takes the small ones. In a small set that would mean several videos of each large one.
    order = large if len(large) >= count else order
    free = clusters.copy()
    free[known] = -1
    chosen: list[tuple[int, int]] = []
    turn = 0
    while len(chosen) < count:
        # After all of them, a second video of each.
        if not np.isin(free, order).any():
            order = np.unique(free[free >= 0]).tolist()
        cluster = order[turn % len(order)]
        turn += 1
        rows = np.flatnonzero(free == cluster)
        if len(rows) == 0:
            continue
        best = rows[typicality(features[rows], min(_NEIGHBOURS, len(rows) // 2)).argmax()]
        chosen.append((int(best), int(sizes[cluster])))
        free[best] = -1
    return chosen


def _cluster(features: np.ndarray, clusters: int, seed: int) -> np.ndarray:
    """Cluster of each row, int (N,)."""
    from sklearn.cluster import KMeans, MiniBatchKMeans

    if clusters <= _MINI_BATCH_FROM:
        return np.asarray(KMeans(clusters, n_init=3, random_state=seed).fit_predict(features))
    model = MiniBatchKMeans(clusters, n_init=3, batch_size=5000, random_state=seed)
    return np.asarray(model.fit_predict(features))
