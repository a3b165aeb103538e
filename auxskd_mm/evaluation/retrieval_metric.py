"""Video retrieval and k-NN classification by the features of a backbone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ..errors import InputError
from ..functional.neighbours import cosine_topk, knn_accuracy, recall_at_k
from ..registry import METRICS
from .feature_bank import FeatureBank
from .feature_metric import FeatureMetric


def retrieval_recall(
    gallery: FeatureBank,
    queries: FeatureBank,
    ks: Sequence[int] = (1, 5, 10, 20, 50),
    *,
    device: str | None = None,
    backend: str = 'torch',
) -> dict[str, float]:
    """R@k: the share of queries with a video of their class among the k nearest of the gallery by cosine, in [0, 1].
    The features are (N, D) and (Q, D); see :func:`cosine_topk`.

    In VCOP and RSPNet the gallery is the training split, and the queries are the test split.
    """
    found = cosine_topk(
        torch.from_numpy(queries.features), torch.from_numpy(gallery.features), max(ks), device=device, backend=backend
    )
    recall = recall_at_k(found.indices, torch.from_numpy(queries.labels), torch.from_numpy(gallery.labels), ks)
    return {f'R@{k}': value for k, value in recall.items()}


@METRICS.register_module()
class RetrievalMetric(FeatureMetric):
    """R@k over gallery and queries; see :func:`retrieval_recall` and :class:`FeatureMetric`.

    The pooling of the head and the clips of the pipeline define the protocol. The result records both. The published
    protocols differ. VCOP's loaders drop the last partial batch, and use 9,536 of 9,537 gallery and 3,776 of 3,783
    query videos of UCF101. RSPNet's code runs its gallery through the training transform. Here all videos take part,
    with a centre crop.

    Args:
        ks: Sizes of the neighbourhood.
        backend: 'torch', or 'faiss' for large galleries on the CPU.
        kwargs: See :class:`FeatureMetric`.

    Raises:
        InputError: If there is no size, or one below 1.
    """

    default_prefix = 'retrieval'
    measures = 'retrieval'

    def __init__(self, ks: Sequence[int] = (1, 5, 10, 20, 50), backend: str = 'torch', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ks, self.backend = tuple(ks), backend
        if not self.ks or min(self.ks) < 1:
            raise InputError(f'RetrievalMetric.ks={self.ks}: expected sizes of the neighbourhood from 1 on')

    def measure(self, gallery: FeatureBank, queries: FeatureBank) -> dict[str, Any]:
        """R@k for each k."""
        return retrieval_recall(gallery, queries, self.ks, device=self.device, backend=self.backend)


@METRICS.register_module()
class KNNMetric(FeatureMetric):
    """Accuracy of a k-NN classifier on the gallery; see :func:`knn_accuracy` and :class:`FeatureMetric`.

    Args:
        k: Number of neighbours that vote, or several numbers.
        temperature: None for plain votes.
        kwargs: See :class:`FeatureMetric`.

    Raises:
        InputError: If no k is given.
    """

    default_prefix = 'knn'
    measures = 'k-NN'

    def __init__(self, k: int | Sequence[int] = 20, temperature: float | None = 0.07, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ks = (k,) if isinstance(k, int) else tuple(k)
        if not self.ks:
            raise InputError('KNNMetric.k is empty: give at least one number of neighbours')
        self.temperature = temperature

    def measure(self, gallery: FeatureBank, queries: FeatureBank) -> dict[str, Any]:
        """``top1`` (of the first k), ``top1_k<k>`` for each k if there are several, and the settings of the vote."""
        arrays = (queries.features, queries.labels, gallery.features, gallery.labels)
        tensors = [torch.from_numpy(array) for array in arrays]
        scores = {
            # Exactly four tensors.
            k: knn_accuracy(*tensors, k=k, temperature=self.temperature, device=self.device)  # type: ignore[misc]
            for k in self.ks
        }
        several = {f'top1_k{k}': score for k, score in scores.items()} if len(scores) > 1 else {}
        votes = 'plain votes' if self.temperature is None else f'votes weighted at temperature {self.temperature}'
        return dict(top1=scores[self.ks[0]], **several, votes=f'k={self.ks[0]}, {votes}')
