"""Base class of the pretext heads. They use one pooled feature per clip, of the config's width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from ...errors import InputError, check_choice, check_least
from ...functional.tasks import Task
from ..modules.mlp import MLP
from ..modules.pooling import TOKEN_POOLS, pool_features

if TYPE_CHECKING:
    from ...typing import Features


class PooledHead(BaseModule):
    """Base class of the heads that take a pooled feature (B, C), for any backbone.

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
        check_least(type(self).__name__, in_channels=in_channels)
        check_choice(f'{type(self).__name__}.token_pool', token_pool, TOKEN_POOLS)
        self.in_channels = in_channels
        self.token_pool = token_pool

    def output_layer(self, out_channels: int, hidden_channels: int | None) -> nn.Module:
        """A linear layer on the pooled feature, or with ``hidden_channels`` the layers ``Linear, ReLU, Linear``."""
        if hidden_channels is None:
            return nn.Linear(self.in_channels, out_channels)
        check_least(type(self).__name__, hidden_channels=hidden_channels)
        return MLP(self.in_channels, out_channels, hidden_channels, norm=False)

    def pool(self, feats: Features) -> Tensor:
        """Pooled features (B, C) of the backbone's maps (B, C, T', H', W'), tokens (B, N, C) or any other form that
        :func:`pool_features` takes.

        Raises:
            InputError: If the output cannot be pooled, or has another width than ``in_channels``.
        """
        pooled = pool_features(feats, token_pool=self.token_pool)  # (B, C)
        if pooled.shape[1] != self.in_channels:
            raise InputError(
                f'{self.config_key}.in_channels={self.in_channels}, but the backbone yields {pooled.shape[1]} channels'
            )
        return pooled

    def predict(self, feats: Features, data_samples: Sequence[Any], **kwargs: object) -> Sequence[Any]:
        """Write the probabilities of each of ``tasks`` into the data samples, as ``pred_<task>`` (A, K): A answers of a
        sample, K classes.
        """
        outputs = self(feats)  # logits (B * A, K) of each task
        for task, logits in zip(self.tasks, outputs if isinstance(outputs, tuple) else (outputs,)):
            answers = logits.float().softmax(1).split(len(logits) // len(data_samples))  # B times (A, K)
            for sample, scores in zip(data_samples, answers):
                sample.set_field(scores, task.pred_key)
        return data_samples
