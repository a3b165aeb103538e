"""Projectors and predictors."""

from __future__ import annotations

from torch import nn

from ...errors import check_least
from ...registry import MODELS


@MODELS.register_module()
class MLP(nn.Sequential):
    """Linear layers with BN and ReLU in between: (B, in_channels) -> (B, out_channels).

    Without ``hidden_channels`` it is one linear layer, such as auxSKD's projector (512 -> 128). With
    ``hidden_channels`` it is ``Linear, BN1d, ReLU, Linear``, such as auxSKD's predictor (128 -> 1024 -> 128).

    Args:
        in_channels: Width of the input.
        out_channels: Width of the output.
        hidden_channels: Width of the hidden layer, or None.
        norm: Whether BN follows the hidden layer.

    Raises:
        InputError: If a size is below 1.

    Example:
        >>> import torch
        >>> from auxskd_mm.models.modules import MLP
        >>> predictor = MLP(in_channels=8, out_channels=8, hidden_channels=16)
        >>> predictor(torch.zeros(4, 8)).shape
        torch.Size([4, 8])

    Source: Plrbear/auxSKD @ 79e99b8, from ISD and BYOL.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden_channels: int | None = None,
        norm: bool = True,
    ) -> None:
        check_least('MLP', in_channels=in_channels, out_channels=out_channels, hidden_channels=hidden_channels)
        layers: list[nn.Module] = []
        width = in_channels
        if hidden_channels is not None:
            # As in the original, the bias stays although BN takes it out again.
            layers.append(nn.Linear(width, hidden_channels))
            layers += [nn.BatchNorm1d(hidden_channels)] if norm else []
            layers.append(nn.ReLU())
            width = hidden_channels
        super().__init__(*layers, nn.Linear(width, out_channels))
        self.in_channels = in_channels
        self.out_channels = out_channels
