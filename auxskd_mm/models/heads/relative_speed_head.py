"""The head of RSPNet: a point on the unit sphere for each clip."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from ...errors import InputError
from ...registry import MODELS
from ..modules.mlp import MLP
from .pooled_head import PooledHead


@MODELS.register_module()
class RelativeSpeedHead(PooledHead):
    """Global average pooling, a projection and L2 normalisation; RSPNet has two, one for appearance and one for motion.

    Args:
        in_channels: Channels C of the backbone's feature.
        out_channels: Width D of the embedding.
        kind: ``'linear'`` (RSPNet's default) or ``'mlp'`` (``Linear(C, hidden), ReLU, Linear(hidden, D)``).
        hidden_channels: Width in the middle of the 'mlp'; None takes C, as RSPNet does.
        token_pool: See :func:`pool_features`; for transformers only.
        init_cfg: MMEngine initialisation; None keeps PyTorch's.

    Raises:
        InputError: If a size is below 1 or the kind unknown.

    Source: PeihaoChen/RSPNet @ 2958779, ``MultiTaskWrapper`` (layers ``fc1`` and ``fc2``). Its two convolutional kinds
    are not here.
    """

    config_key = 'model.head_a (or head_m)'

    def __init__(
        self,
        in_channels: int,
        out_channels: int = 128,
        kind: str = 'linear',
        hidden_channels: int | None = None,
        token_pool: str = 'auto',
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(in_channels, token_pool, init_cfg)
        self.check_sizes(out_channels=out_channels)
        if kind not in ('linear', 'mlp'):
            raise InputError(f"RelativeSpeedHead.kind='{kind}': expected 'linear' or 'mlp'")
        if kind == 'linear' and hidden_channels is not None:
            raise InputError(
                f"RelativeSpeedHead.hidden_channels={hidden_channels}: kind='linear' has none; set kind='mlp'"
            )
        hidden = (hidden_channels or in_channels) if kind == 'mlp' else None
        self.projector = MLP(in_channels, out_channels, hidden, norm=False)
        self.out_channels = out_channels

    def forward(self, feats: Any, **kwargs: Any) -> Tensor:
        """Embeddings.

        Args:
            feats: Feature maps (B, C, T', H', W'), or what else :func:`pool_features` takes.
            kwargs: Not used.

        Returns:
            (B, D), each of norm 1.

        Raises:
            InputError: If the backbone yields several feature maps or another width.
        """
        return F.normalize(self.projector(self.pool(feats)), dim=1)
