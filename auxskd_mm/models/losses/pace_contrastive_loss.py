"""The contrastive loss of VideoPace, whose code was never released."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import InputError
from ...registry import MODELS


@MODELS.register_module()
class PaceContrastiveLoss(nn.Module):
    """Clips of one group attract each other, clips of other groups repel.

    For every ordered pair (i, j) of different clips in one group, with s_ij = z_i . z_j / temperature::

        l(i, j) = -log( exp(s_ij) / (exp(s_ij) + sum over k of other groups of exp(s_ik)) )
        L = mean of l(i, j) over the pairs

    The group makes the variant: *same context* groups by video, *same pace* by pace. Other positives of i are neither
    pulled nor pushed in l(i, j). Negatives are those of this process's batch. Computed in float32 at least, since
    nothing bounds z.

    Args:
        temperature: Divides the similarities; None, as in the sources, divides by nothing.
        normalize: Whether z is L2-normalised first. The sources do not say. False takes their formula as it stands,
            where the length of z does what a temperature would; of unit vectors, similarities within [-1, 1] could not
            bring the loss below ``log(1 + K / e^2)`` with K negatives. Set True together with a temperature, e.g. 0.1.

    Raises:
        InputError: If the temperature is not positive.

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
        """The loss.

        Args:
            features: (B, D), z of every clip.
            groups: int (B,), clips of one number are positives of each other.

        Returns:
            Scalar; 0 (with a gradient of 0) where no two clips share a group.
        """
        with torch.autocast(features.device.type, enabled=False):
            z = features.to(torch.promote_types(features.dtype, torch.float32))
            if self.normalize:
                z = F.normalize(z, dim=1)
            similarity = z @ z.T / (self.temperature or 1.0)  # (B, B)
            same = groups[:, None] == groups[None]
            # -log(e^s / (e^s + sum of e^n)) = softplus(logsumexp(n) - s): no exponential can overflow.
            negatives = similarity.masked_fill(same, -torch.inf).logsumexp(1, keepdim=True)
            positive = same & ~torch.eye(len(z), dtype=torch.bool, device=z.device)
            losses = F.softplus(negatives - similarity) * positive
            return losses.sum() / positive.sum().clamp(min=1)
