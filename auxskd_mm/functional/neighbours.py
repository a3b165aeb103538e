"""Nearest neighbours by cosine similarity: exact top-k in blocks, recall at k, and k-NN votes.

One block of queries is compared with one block of the gallery at a time. The size of these blocks bounds the memory.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import InputError

__all__ = ['Neighbours', 'cosine_topk', 'knn_accuracy', 'knn_votes', 'recall_at_k']

BACKENDS = ('torch', 'faiss')


class Neighbours(NamedTuple):
    """The k nearest gallery items of every query, nearest first.

    Attributes:
        similarities: Cosines (Q, k). An entry is minus infinity where fewer than k items were allowed.
        indices: Positions in the gallery, int64 (Q, k). An entry is -1 where fewer than k items were allowed.
    """

    similarities: Tensor
    indices: Tensor


@torch.no_grad()
def cosine_topk(
    queries: Tensor,
    gallery: Tensor,
    k: int,
    *,
    query_groups: Tensor | None = None,
    gallery_groups: Tensor | None = None,
    query_block: int = 1024,
    gallery_block: int = 16384,
    device: torch.device | str | None = None,
    backend: str = 'torch',
) -> Neighbours:
    """Exact k nearest neighbours by cosine similarity.

    A zero vector has cosine 0 with every other vector. Items with exactly the same similarity come in the order of the
    gallery. The block sizes therefore change the result only through the rounding of the products.

    Args:
        queries: Features (Q, D). The products have the wider dtype of queries and gallery, and at least float32. The
            function passes no gradient on.
        gallery: Features (N, D), N at least 1. It may stay on the CPU, because blocks of it are moved to ``device``.
        k: Number of neighbours. The function returns min(k, N) of them.
        query_groups: Integers (Q,). A query never gets a gallery item of its own group. For leave-one-out, the group is
            the position of the item. The scene or the person as group excludes near copies.
        gallery_groups: Integers (N,), given together with ``query_groups``.
        query_block: Queries in a block.
        gallery_block: Gallery items in a block.
        device: Device of the computation. None takes the device of the gallery.
        backend: 'torch' or 'faiss'. 'faiss' builds a flat (exact) inner-product index in float32 on the CPU, which may
            be faster there for large galleries. It does not define the order of ties and does not support groups.

    Returns:
        :class:`Neighbours` (Q, min(k, N)), on the device of ``queries``.

    Raises:
        InputError: If shapes do not fit, the gallery is empty, features are not finite, or the backend is unknown or
            not installed.
    """
    _check(queries, gallery, k, query_groups, gallery_groups)
    if backend not in BACKENDS:
        raise InputError(f"backend='{backend}': expected one of {', '.join(map(repr, BACKENDS))}")
    k = min(k, len(gallery))
    if backend == 'faiss':
        if query_groups is not None:
            raise InputError("backend='faiss' knows no groups: use backend='torch' to leave out items of a group")
        return _faiss_topk(queries, gallery, k, gallery_block)
    target = torch.device(device) if device is not None else gallery.device
    starts = range(0, len(queries), query_block)
    found: list[Neighbours | None] = [None] * len(starts)
    dtype = torch.promote_types(torch.promote_types(queries.dtype, gallery.dtype), torch.float32)
    products = _Products()
    for base in range(0, len(gallery), gallery_block):
        keys = _unit(gallery[base : base + gallery_block].to(target, dtype), 'gallery', base)
        for i, start in enumerate(starts):
            rows = _unit(queries[start : start + query_block].to(target, dtype), 'queries', start)
            similarities = products(rows, keys)
            if query_groups is not None and gallery_groups is not None:
                own = query_groups[start : start + query_block].to(target)
                other = gallery_groups[base : base + gallery_block].to(target)
                similarities.masked_fill_(own[:, None] == other[None, :], -torch.inf)
            found[i] = _merge(found[i], _block_topk(similarities, k), base, k)
    parts = [part for part in found if part is not None]
    if not parts:
        return Neighbours(queries.new_zeros(0, k), torch.zeros(0, k, dtype=torch.int64, device=queries.device))
    similarities = torch.cat([part.similarities for part in parts]).to(queries.device)
    indices = torch.cat([part.indices for part in parts]).to(queries.device)
    return Neighbours(similarities, indices.masked_fill(similarities == -torch.inf, -1))


def recall_at_k(
    indices: Tensor, query_labels: Tensor, gallery_labels: Tensor, ks: Sequence[int] = (1, 5, 10, 20, 50)
) -> dict[int, float]:
    """Share of the queries with at least one item of their own class among the k nearest.

    VCOP and RSPNet report this measure for video retrieval. One hit is enough. The number of hits does not count.

    Args:
        indices: Neighbours (Q, K) from :func:`cosine_topk`, nearest first.
        query_labels: Classes, int (Q,).
        gallery_labels: Classes, int (N,).
        ks: Values of k. A value above N means the whole gallery.

    Returns:
        Recall in [0, 1] for each k.

    Raises:
        InputError: If there are no queries, or ``indices`` holds fewer neighbours than the largest k needs.
    """
    if len(indices) == 0:
        raise InputError('recall at k: there are no queries')
    if min(ks) < 1:
        raise InputError(f'recall at k: ks={tuple(ks)}, expected sizes of at least 1')
    needed = min(max(ks), len(gallery_labels))
    if indices.shape[1] < needed:
        raise InputError(f'recall at k: {indices.shape[1]} neighbours a query, but k={max(ks)} needs {needed}')
    hits = gallery_labels.to(indices.device)[indices.clamp_min(0)] == query_labels.to(indices.device)[:, None]
    hits &= indices >= 0
    return {k: float(hits[:, :k].any(1).double().mean()) for k in ks}


def knn_votes(
    neighbours: Neighbours, gallery_labels: Tensor, num_classes: int, temperature: float | None = None
) -> Tensor:
    """Votes of the neighbours for each class.

    Args:
        neighbours: Result (Q, k) of :func:`cosine_topk`.
        gallery_labels: Classes, int (N,), in [0, num_classes).
        num_classes: Number of classes C.
        temperature: None counts every neighbour once. A number gives each neighbour the weight exp(cosine /
            temperature), as in the k-NN classifier of instance discrimination (Wu et al., CVPR 2018; 0.07 there).

    Returns:
        Votes (Q, C), of the dtype of the similarities. Weighted votes are scaled so that the nearest neighbour of each
        query has weight 1. On a tie, ``argmax`` takes the lowest class.

    Raises:
        InputError: If the temperature is not above 0 or a label is out of range.
    """
    similarities, indices = neighbours
    if temperature is not None and not temperature > 0:
        raise InputError(f'k-NN: temperature={temperature}, expected None or a number above 0')
    if len(gallery_labels) and not 0 <= int(gallery_labels.min()) <= int(gallery_labels.max()) < num_classes:
        raise InputError(
            f'k-NN: labels from {int(gallery_labels.min())} to {int(gallery_labels.max())}, expected [0, {num_classes})'
        )
    weights = torch.ones_like(similarities)
    if temperature is not None:
        weights = ((similarities - similarities[:, :1]) / temperature).exp()
    weights = weights.masked_fill(indices < 0, 0.0)
    labels = gallery_labels.to(indices.device)[indices.clamp_min(0)].long()
    return similarities.new_zeros(len(similarities), num_classes).scatter_add_(1, labels, weights)


def knn_accuracy(
    queries: Tensor,
    query_labels: Tensor,
    gallery: Tensor,
    gallery_labels: Tensor,
    *,
    k: int = 20,
    temperature: float | None = 0.07,
    query_groups: Tensor | None = None,
    gallery_groups: Tensor | None = None,
    device: torch.device | str | None = None,
) -> float:
    """Accuracy of the k-NN classifier: the share of correctly classified queries, in [0, 1].

    Args:
        queries: Features (Q, D), Q at least 1.
        query_labels: Classes, int (Q,), from 0.
        gallery: Features (N, D).
        gallery_labels: Classes, int (N,), from 0.
        k: Number of neighbours that vote.
        temperature: See :func:`knn_votes`.
        query_groups: See :func:`cosine_topk`.
        gallery_groups: See :func:`cosine_topk`.
        device: See :func:`cosine_topk`.

    Raises:
        InputError: See :func:`cosine_topk` and :func:`knn_votes`.
    """
    if len(queries) == 0:
        raise InputError('k-NN: there are no queries')
    neighbours = cosine_topk(
        queries, gallery, k, query_groups=query_groups, gallery_groups=gallery_groups, device=device
    )
    votes = knn_votes(neighbours, gallery_labels, int(gallery_labels.max()) + 1, temperature)
    # A query whose every neighbour is barred has no vote, and argmax would give it class 0.
    right = (votes.argmax(1) == query_labels.to(votes.device)) & (votes.sum(1) > 0)
    return float(right.double().mean())


def _check(
    queries: Tensor, gallery: Tensor, k: int, query_groups: Tensor | None, gallery_groups: Tensor | None
) -> None:
    if queries.ndim != 2 or gallery.ndim != 2 or queries.shape[1] != gallery.shape[1]:
        raise InputError(
            f'neighbours: queries {tuple(queries.shape)} and gallery {tuple(gallery.shape)}, expected (Q, D) and (N, D)'
            '; were both extracted with one network and one pooling?'
        )
    if len(gallery) == 0:
        raise InputError('neighbours: the gallery is empty')
    if k < 1:
        raise InputError(f'neighbours: k={k}, expected at least 1')
    if (query_groups is None) != (gallery_groups is None):
        raise InputError('neighbours: query_groups and gallery_groups go together')
    for name, groups, features in (('query', query_groups, queries), ('gallery', gallery_groups, gallery)):
        if groups is not None and groups.shape != features.shape[:1]:
            raise InputError(f'neighbours: {len(features)} {name} features, but {len(groups)} {name}_groups')


def _unit(features: Tensor, name: str, base: int) -> Tensor:
    """Divide each row (N, D) by its norm. Zero rows stay zero."""
    norm = features.norm(dim=1, keepdim=True)
    if not bool(norm.isfinite().all()):
        row = base + int((~norm.isfinite()).nonzero()[0, 0])
        raise InputError(f'neighbours: row {row} of the {name} is not finite or too large; did the training diverge?')
    limits = torch.finfo(features.dtype)
    small = norm < limits.tiny**0.5 / limits.eps  # the squares of such numbers lose their digits, or are 0
    if bool(small.any()):
        largest = features.abs().amax(dim=1, keepdim=True).clamp_min(limits.tiny)
        features = features / largest.where(small, torch.ones_like(largest))
        norm = features.norm(dim=1, keepdim=True)
    return features / norm.clamp_min(limits.tiny)


class _Products:
    """Scalar products of rows (Q, D) and (N, D). Every result is written to the same memory.

    A block takes tens of megabytes. On the CPU, a new allocation costs a sixth of the time of the product.
    """

    def __init__(self) -> None:
        self.memory: Tensor | None = None

    def __call__(self, queries: Tensor, keys: Tensor) -> Tensor:
        """(Q, N), valid until the next call."""
        size = len(queries) * len(keys)
        if self.memory is None or len(self.memory) < size:
            self.memory = keys.new_empty(size)
        return torch.mm(queries, keys.T, out=self.memory[:size].view(len(queries), len(keys)))


def _block_topk(similarities: Tensor, k: int) -> Neighbours:
    """Top k of each row (Q, N). Equal values come in the order of their columns.

    ``topk`` alone defines neither the order of ties nor the choice among items that tie at rank k.
    """
    k = min(k, similarities.shape[1])
    # One more than requested: if it equals the last, topk's choice between the two is arbitrary.
    values, indices = similarities.topk(min(k + 1, similarities.shape[1]), dim=1)
    crowded = (values[:, k:] == values[:, k - 1 : k]).any(1).nonzero().flatten()
    indices = indices[:, :k]
    if len(crowded):
        indices[crowded] = similarities[crowded].sort(dim=1, descending=True, stable=True).indices[:, :k]
    indices = indices.sort(dim=1).values
    values, order = similarities.gather(1, indices).sort(dim=1, descending=True, stable=True)
    return Neighbours(values, indices.gather(1, order))


def _merge(best: Neighbours | None, block: Neighbours, base: int, k: int) -> Neighbours:
    """Top k of the earlier result and a later block, whose columns start at ``base``."""
    indices = block.indices + base
    if best is None:
        return Neighbours(block.similarities, indices)
    both = torch.cat([best.similarities, block.similarities], 1)
    similarities, order = both.sort(dim=1, descending=True, stable=True)
    return Neighbours(similarities[:, :k], torch.cat([best.indices, indices], 1).gather(1, order[:, :k]))


def _faiss_topk(queries: Tensor, gallery: Tensor, k: int, gallery_block: int) -> Neighbours:
    try:
        faiss = importlib.import_module('faiss')
    except ImportError:
        raise InputError(
            "backend='faiss': faiss is not installed; run `pip install faiss-cpu` or use 'torch'"
        ) from None
    index = faiss.IndexFlatIP(gallery.shape[1])
    for base in range(0, len(gallery), gallery_block):
        index.add(_unit(gallery[base : base + gallery_block].cpu().float(), 'gallery', base).numpy())
    similarities, indices = index.search(_unit(queries.cpu().float(), 'queries', 0).numpy(), k)
    return Neighbours(torch.from_numpy(similarities).to(queries.device), torch.from_numpy(indices).to(queries.device))
