"""InfoNCE against a queue, the appearance loss of RSPNet and the loss of MoCo."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import InputError
from ...registry import MODELS


@MODELS.register_module()
class QueueContrastiveLoss(nn.Module):
    """InfoNCE: cross-entropy of the positive key among the positive and all keys of the queue.

    q is the query, k its key, and a_1 .. a_K are the keys in the queue::

        L = mean over the batch of -log( exp(q.k / T) / (exp(q.k / T) + sum_j exp(q.a_j / T)) )

    Only the query gets a gradient.

    Args:
        temperature: T, above 0.

    Raises:
        InputError: If the temperature is not positive.

    Example:
        >>> import torch
        >>> from auxskd_mm.models.losses import QueueContrastiveLoss
        >>> loss = QueueContrastiveLoss(temperature=1.0)
        >>> query = torch.tensor([[1.0, 0.0]], requires_grad=True)
        >>> queue = torch.tensor([[0.0, 1.0], [0.0, -1.0]])
        >>> value = loss(query, torch.tensor([[1.0, 0.0]]), queue)
        >>> round(value.item(), 4)  # -log(e / (e + 2))
        0.5514
        >>> value.backward()

    Source: PeihaoChen/RSPNet @ 2958779 (A-VID), from He et al., MoCo (CVPR 2020). RSPNet adds two such losses, one for
    the key of the same speed and one for the key of the other speed.
    """

    def __init__(self, temperature: float = 0.07) -> None:
        super().__init__()
        if not temperature > 0:
            raise InputError(f'QueueContrastiveLoss.temperature={temperature}: expected a value above 0, e.g. 0.07')
        self.temperature = temperature

    def logits(self, query: Tensor, positive: Tensor, queue: Tensor) -> Tensor:
        """Similarities divided by the temperature. The arguments are those of :meth:`forward`.

        Returns:
            (B, 1 + K). The positive comes first, so the right class is 0.
        """
        return self._logits(query, [positive], queue)[0]

    def forward(self, query: Tensor, positive: Tensor, queue: Tensor) -> Tensor:
        """The loss of L2-normalised queries (B, D), the key of each (B, D), and keys (K, D) of other videos in a queue.

        The queue is used as it is, and may change in place before the backward pass.
        """
        return _cross_entropy(self.logits(query, positive, queue))

    def with_accuracy(self, query: Tensor, positives: Sequence[Tensor], queue: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Loss and accuracy for several sets of L2-normalised keys (B, D) of the same queries, with a single comparison
        of queries and queue.

        For each set the result is a pair of scalars. The accuracy is the share of queries whose key is nearer than
        every key in the queue. It has no gradient.
        """
        return [
            (_cross_entropy(logits), (logits.detach().argmax(1) == 0).float().mean())
            for logits in self._logits(query, positives, queue)
        ]

    def for_keys(self, query: Tensor, positives: Sequence[Tensor], queue: Tensor) -> list[Tensor]:
        """The losses of :meth:`with_accuracy` alone, one scalar for each set of keys (B, D)."""
        return [_cross_entropy(logits) for logits in self._logits(query, positives, queue)]

    def _logits(self, query: Tensor, positives: Sequence[Tensor], queue: Tensor) -> list[Tensor]:
        with torch.autocast(query.device.type, enabled=False):
            q = query.to(torch.promote_types(query.dtype, torch.float32))  # (B, D)
            # A copy: the backward pass needs these anchors, and the queue moves on before it.
            anchors = queue.detach().to(q.dtype, copy=True)  # (K, D)
            negatives = q @ anchors.T  # (B, K)
            keys = [positive.detach().to(q.dtype) for positive in positives]  # (B, D) each
            own = [(q * key).sum(1, keepdim=True) for key in keys]  # (B, 1) each
            return [torch.cat([same, negatives], dim=1) / self.temperature for same in own]  # (B, 1 + K) each


def _cross_entropy(logits: Tensor) -> Tensor:
    """Cross-entropy of logits (B, C) whose right class is the first."""
    return F.cross_entropy(logits, logits.new_zeros(len(logits), dtype=torch.long))
