"""InfoNCE against a queue: the appearance loss of RSPNet, and MoCo's."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import InputError
from ...registry import MODELS


@MODELS.register_module()
class QueueContrastiveLoss(nn.Module):
    """Cross-entropy of finding the positive key among the queue's.

    With q the query, k its key and a_1 .. a_K the queue::

        L = mean over the batch of -log( exp(q.k / T) / (exp(q.k / T) + sum_j exp(q.a_j / T)) )

    Gradients reach the query alone.

    Args:
        temperature: T, above 0.

    Raises:
        InputError: If the temperature is not positive.

    Source: PeihaoChen/RSPNet @ 2958779 (A-VID), from He et al., MoCo (CVPR 2020). RSPNet adds the loss for the key of
    the same speed to that for the key of the other speed.
    """

    def __init__(self, temperature: float = 0.07) -> None:
        super().__init__()
        if not temperature > 0:
            raise InputError(f'QueueContrastiveLoss.temperature={temperature}: expected a value above 0, e.g. 0.07')
        self.temperature = temperature

    def logits(self, query: Tensor, positive: Tensor, queue: Tensor) -> Tensor:
        """Similarities over temperature, the positive first; arguments as of :meth:`forward`.

        Returns:
            (B, 1 + K); the right class is 0.
        """
        with torch.autocast(query.device.type, enabled=False):
            dtype = torch.promote_types(query.dtype, torch.float32)
            q, k = query.to(dtype), positive.detach().to(dtype)
            # A copy: the backward pass needs the anchors of now, and by then the queue may have moved on in place.
            anchors = queue.detach().to(dtype, copy=True)
            return torch.cat([(q * k).sum(1, keepdim=True), q @ anchors.T], dim=1) / self.temperature

    def forward(self, query: Tensor, positive: Tensor, queue: Tensor) -> Tensor:
        """The loss.

        Args:
            query: (B, D), L2-normalised.
            positive: (B, D), L2-normalised key of each query.
            queue: (K, D), keys of other videos, used as given.

        Returns:
            Scalar.
        """
        logits = self.logits(query, positive, queue)
        return F.cross_entropy(logits, logits.new_zeros(len(logits), dtype=torch.long))
