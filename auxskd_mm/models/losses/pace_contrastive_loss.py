"""The contrastive loss of VideoPace, whose code was never released."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import InputError
from ...registry import MODELS


@MODELS.register_module()
class PaceContrastiveLoss(nn.Module):
    """Contrastive loss in which the clips of one group are positives and the clips of other groups are negatives.

    For every ordered pair (i, j) of different clips in one group, with s_ij = z_i . z_j / temperature::

        l(i, j) = -log( exp(s_ij) / (exp(s_ij) + sum over k of other groups of exp(s_ik)) )
        L = mean of l(i, j) over the pairs

    The groups define the variant: *same context* groups clips by video, *same pace* groups them by pace. l(i, j) leaves
    out the other positives of i. Negatives come from the batch of this process. The loss is computed in float32 or
    better, because the values of z have no bound.

    Args:
        temperature: Divisor of the similarities. None uses no temperature, as the sources do.
        normalize: Whether to L2-normalise z first. The sources do not mention it. False takes their formula literally:
            the length of z then acts as a temperature. With unit vectors and no temperature the loss could not fall
            below ``log(1 + K / e^2)`` for K negatives. So set True together with a temperature, e.g. 0.1.

    Raises:
        InputError: If the temperature is not positive.

    Example:
        >>> import torch
        >>> from auxskd_mm.models.losses import PaceContrastiveLoss
        >>> z = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], requires_grad=True)
        >>> groups = torch.tensor([7, 7, 8])  # two clips of video 7, one of video 8
        >>> value = PaceContrastiveLoss()(z, groups)
        >>> round(value.item(), 4)  # -log(e / (e + 1)) for both pairs
        0.3133
        >>> value.backward()

    Source: public notes on Wang, Jiao and Liu, "Self-supervised Video Representation Learning by Pace Prediction", ECCV
    2020.
    """

    def __init__(self, temperature: float | None = None, normalize: bool = False) -> None:
        super().__init__()
        if temperature is not None and not temperature > 0:
            raise InputError(f'PaceContrastiveLoss.temperature={temperature}: expected a value above 0, or None')
        self.temperature = temperature
        self.normalize = normalize

    def forward(self, features: Tensor, groups: Tensor) -> Tensor:
        """The loss of projected features z (B, D). Clips with the same number in ``groups`` (B,) are positives of each
        other; if no two clips share one, the loss and its gradient are 0.
        """
        with torch.autocast(features.device.type, enabled=False):
            z = features.to(torch.promote_types(features.dtype, torch.float32))  # (B, D)
            if self.normalize:
                z = F.normalize(z, dim=1)
            similarity = z @ z.T / (self.temperature or 1.0)  # (B, B)
            same = groups[:, None] == groups[None]  # (B, B) bool
            # -log(e^s / (e^s + sum of e^n)) = softplus(logsumexp(n) - s): no exponential can overflow.
            negatives = similarity.masked_fill(same, -torch.inf).logsumexp(1, keepdim=True)  # (B, 1)
            positive = same & ~torch.eye(len(z), dtype=torch.bool, device=z.device)  # (B, B) bool
            losses = F.softplus(negatives - similarity) * positive  # (B, B), 0 where there is no pair
            return losses.sum() / positive.sum().clamp(min=1)
