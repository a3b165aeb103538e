"""A linear classifier behind an average whose weights it learns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..linear_probe import varies

STEPS = 150


class AttentiveProbe:
    """Attentive pooling and a linear classifier, trained together on cached features.

    Each stage has one query. The weights of its positions are the softmax of their products with the query, and the
    stages are put side by side. The query starts at 0, so the probe starts as a linear probe on the mean::

        feature = concat over the stages of ( sum over positions p of softmax(x_p . query / sqrt(C)) * x_p )
        loss    = mean(cross entropy) + strength / 2 * (||W||^2 + ||query||^2)

    Args:
        strength: Weight of the penalty.

    Source: the attentive probe of V-JEPA (Bardes et al., 2024) and CoCa, with one head and without a projection, since
    here labels are few.
    """

    def __init__(self, strength: float = 1e-2) -> None:
        self.strength = strength

    def fit(self, tokens: Sequence[np.ndarray], labels: np.ndarray) -> AttentiveProbe:
        """Train on features (N, P, C) of each stage and labels int (N,)."""
        self.classes, y = np.unique(labels, return_inverse=True)
        flat = [array.reshape(-1, array.shape[-1]) for array in tokens]
        self.mean = [array.mean(0) for array in flat]
        self.std = [np.where(varies(mean, std := array.std(0)), std, 1.0) for array, mean in zip(flat, self.mean)]
        x, target = self._scaled(tokens), torch.from_numpy(y)
        # Pooled features vary less than single positions; the linear layer gets them at a scale of about 1.
        width = sum(part.shape[-1] for part in x)
        self.queries = [torch.zeros(part.shape[-1], requires_grad=True) for part in x]
        self.weight = torch.zeros(width, len(self.classes), requires_grad=True)
        self.bias = torch.zeros(len(self.classes), requires_grad=True)
        optimizer = torch.optim.LBFGS(
            [*self.queries, self.weight, self.bias], max_iter=STEPS, line_search_fn='strong_wolfe'
        )

        def closure() -> Tensor:
            optimizer.zero_grad()
            penalty = self.weight.square().sum() + sum(query.square().sum() for query in self.queries)
            loss = F.cross_entropy(self._logits(x), target) + self.strength / 2 * penalty
            loss.backward()
            return loss

        with torch.enable_grad():
            optimizer.step(closure)
        return self

    def predict(self, tokens: Sequence[np.ndarray]) -> np.ndarray:
        """Classes of features, int (N,)."""
        with torch.no_grad():
            return self.classes[self._logits(self._scaled(tokens)).argmax(1).numpy()]

    def _scaled(self, tokens: Sequence[np.ndarray]) -> list[Tensor]:
        scaled = [(array - mean) / std for array, mean, std in zip(tokens, self.mean, self.std)]
        return [torch.from_numpy(np.asarray(array, dtype=np.float32)) for array in scaled]

    def _logits(self, x: Sequence[Tensor]) -> Tensor:
        pooled = []
        for part, query in zip(x, self.queries):
            weights = (part @ query / part.shape[-1] ** 0.5).softmax(1)  # (N, P)
            pooled.append((weights[..., None] * part).sum(1))  # (N, C)
        return torch.cat(pooled, 1) @ self.weight + self.bias
