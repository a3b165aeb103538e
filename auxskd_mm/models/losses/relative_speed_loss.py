"""The ranking loss of RSPNet: clips of the same speed are more alike than clips of different speeds."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import InputError
from ...registry import MODELS


@MODELS.register_module()
class RelativeSpeedLoss(nn.Module):
    """Margin ranking loss of the motion features.

    q is the query, k+ the key of the same speed and k- the key of another speed::

        L = mean over the batch of max(0, margin - (q . k+ - q . k-) / temperature)

    The similarities are divided by the temperature before they are compared with the margin. A margin of 2.0 at a
    temperature of 0.07 is a difference of 0.14 between two cosines.

    Args:
        margin: Difference that the loss demands between both similarities, after the division by the temperature.
        temperature: Divisor of the similarities, above 0.

    Raises:
        InputError: If the margin is negative or the temperature is not positive.

    Example:
        >>> import torch
        >>> from auxskd_mm.models.losses import RelativeSpeedLoss
        >>> loss = RelativeSpeedLoss(margin=2.0, temperature=0.5)
        >>> query = torch.tensor([[1.0, 0.0]])
        >>> same, different = torch.tensor([[0.6, 0.8]]), torch.tensor([[0.0, 1.0]])
        >>> round(loss(query, same, different).item(), 4)  # 2 - (0.6 - 0) / 0.5
        0.8

    Source: PeihaoChen/RSPNet @ 2958779, ``moco/builder_diffspeed_diffloss.py`` and its default config. The original
    passes a target whose shape newer torch versions refuse. This loss gives the result of the old broadcast.
    """

    def __init__(self, margin: float = 2.0, temperature: float = 0.07) -> None:
        super().__init__()
        if margin < 0 or not temperature > 0:
            raise InputError(
                f'RelativeSpeedLoss: margin={margin}, temperature={temperature}: expected a margin of 0 or more and a '
                'temperature above 0'
            )
        self.margin = margin
        self.temperature = temperature

    def forward(self, query: Tensor, same: Tensor, different: Tensor) -> Tensor:
        """The loss of L2-normalised queries, keys of the same and keys of a different speed, (B, D) each."""
        with torch.autocast(query.device.type, enabled=False):
            q, k, other = (x.to(torch.promote_types(x.dtype, torch.float32)) for x in (query, same, different))
            lead = (q * (k - other)).sum(1) / self.temperature  # (B,) by how much the same speed wins
            return F.relu(self.margin - lead).mean()
