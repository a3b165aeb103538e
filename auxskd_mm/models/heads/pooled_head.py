"""Base class of the pretext heads. They use one pooled feature per clip, of the config's width."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmengine.model import BaseModule
from torch import Tensor, nn

from ...errors import InputError
from ...functional.tasks import Task
from ..modules.mlp import MLP
from ..modules.pooling import TOKEN_POOLS, pool_features

if TYPE_CHECKING:
    from ...typing import Features


class PooledHead(BaseModule):
    """Base class of the heads that take a pooled feature, for any backbone.

    A subclass sets ``tasks`` to the tasks that it predicts. Its ``forward`` returns the logits of the task, or a tuple
    with the logits of each task in the order of ``tasks``.

    Args:
        in_channels: Channels C of the backbone's feature.
        token_pool: Pooling of tokens, see :func:`pool_features`. It has no effect on feature maps.
        init_cfg: MMEngine initialisation. None keeps PyTorch's.

    Raises:
        InputError: If ``in_channels`` is below 1 or ``token_pool`` is unknown.

    Example:
        >>> import torch
        >>> from auxskd_mm.models.heads import PooledHead
        >>> PooledHead(in_channels=8).pool(torch.ones(2, 8, 1, 2, 2)).shape
        torch.Size([2, 8])
    """

    config_key = 'model.cls_head'  # where configs put the head, for messages
    tasks: tuple[Task, ...] = ()
    method = ''  # the method's name, for records
    summary = ''  # the method in a line, for tools/analysis/check_config.py

    def __init__(self, in_channels: int, token_pool: str = 'auto', init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg)
        self.check_sizes(in_channels=in_channels)
        if token_pool not in TOKEN_POOLS:
            raise InputError(
                f"{type(self).__name__}.token_pool='{token_pool}': expected {', '.join(map(repr, TOKEN_POOLS))}"
            )
        self.in_channels = in_channels
        self.token_pool = token_pool

    def check_sizes(self, **sizes: int) -> None:
        """Refuse sizes below 1. The message names the key."""
        for key, value in sizes.items():
            if value < 1:
                raise InputError(f'{type(self).__name__}.{key}={value}: expected at least 1')

    def check_weights(self, **weights: float) -> None:
        """Refuse negative loss weights. The message names the key."""
        for key, value in weights.items():
            if value < 0:
                raise InputError(f'{type(self).__name__}.{key}={value}: a loss weight must not be negative')

    def output_layer(self, out_channels: int, hidden_channels: int | None) -> nn.Module:
        """A linear layer on the pooled feature, or with ``hidden_channels`` the layers ``Linear, ReLU, Linear``."""
        if hidden_channels is None:
            return nn.Linear(self.in_channels, out_channels)
        self.check_sizes(hidden_channels=hidden_channels)
        return MLP(self.in_channels, out_channels, hidden_channels, norm=False)

    def pool(self, feats: Features) -> Tensor:
        """Pooled features of the backbone's output.

        Args:
            feats: Feature maps (B, C, T', H', W'), tokens (B, N, C) or any other form that :func:`pool_features` takes.

        Returns:
            (B, C).

        Raises:
            InputError: If the output cannot be pooled, or has another width than ``in_channels``.
        """
        pooled = pool_features(feats, token_pool=self.token_pool)  # (B, C)
        if pooled.shape[1] != self.in_channels:
            raise InputError(
                f'{self.config_key}.in_channels={self.in_channels}, but the backbone yields {pooled.shape[1]} channels'
            )
        return pooled
