"""The head of RSPNet: an L2-normalised embedding for each clip."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import InputError, check_choice, check_least
from ...registry import MODELS
from ..modules.feature_map import feature_map
from ..modules.mlp import MLP
from .pooled_head import PooledHead

if TYPE_CHECKING:
    from ...typing import Features

KINDS = ('linear', 'mlp', 'conv', 'convbn')


@MODELS.register_module()
class RelativeSpeedHead(PooledHead):
    """A projection and L2 normalisation. RSPNet has two such heads, one for appearance and one for motion.

    ``kind`` selects the layers, as in the original. Convolutions are 3 x 3 x 3 with stride 1. They keep the width C and
    the size of the map::

        linear                                      average pool -- Linear(C, D)    RSPNet's default
        mlp                                         average pool -- Linear(C, hidden) -- ReLU -- Linear(hidden, D)
        conv    Conv3d -- ReLU -- Conv3d         -- average pool -- Linear(C, D)
        convbn  Conv3d -- BN -- ReLU             -- average pool -- Linear(C, D)

    The convolutional kinds need a feature map. They do not work with a backbone that yields tokens or pooled features.

    Args:
        in_channels: Channels C of the backbone's feature.
        out_channels: Width D of the embedding.
        kind: ``'linear'``, ``'mlp'``, ``'conv'`` or ``'convbn'``.
        hidden_channels: Width of the hidden layer of 'mlp'. None takes C, as RSPNet does.
        token_pool: See :func:`pool_features`. It has an effect on transformers only.
        init_cfg: MMEngine initialisation. None keeps PyTorch's.

    Raises:
        InputError: If a size is below 1, the kind is unknown, or another kind than 'mlp' gets ``hidden_channels``.

    Example:
        >>> import torch
        >>> from auxskd_mm.models.heads import RelativeSpeedHead
        >>> head = RelativeSpeedHead(in_channels=8, out_channels=4)
        >>> embedding = head(torch.ones(2, 8, 1, 2, 2))  # a backbone's map of two clips
        >>> embedding.shape
        torch.Size([2, 4])
        >>> torch.allclose(embedding.norm(dim=1), torch.ones(2))
        True

    Source: PeihaoChen/RSPNet @ 2958779, ``MultiTaskWrapper`` (layers ``fc1`` and ``fc2``, option ``fc_type``). Its
    convolutions have biases, also before BN.
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
        check_least('RelativeSpeedHead', out_channels=out_channels)
        check_choice('RelativeSpeedHead.kind', kind, KINDS)
        if kind != 'mlp' and hidden_channels is not None:
            raise InputError(
                f"RelativeSpeedHead.hidden_channels={hidden_channels}: kind='{kind}' has none; set kind='mlp'"
            )
        hidden = (hidden_channels or in_channels) if kind == 'mlp' else None
        self.convs = _convolutions(kind, in_channels)
        self.projector = MLP(in_channels, out_channels, hidden, norm=False)
        self.kind = kind
        self.out_channels = out_channels

    def forward(self, feats: Features, **kwargs: object) -> Tensor:
        """Embeddings (B, D), each of norm 1, of feature maps (B, C, T', H', W'). 'linear' and 'mlp' also take every
        other form that :func:`pool_features` takes.

        Raises:
            InputError: If the backbone yields several feature maps or another width, or a convolutional kind gets no
                feature map.
        """
        if self.convs is not None:
            feats = self.convs(self._feature_map(feats))  # (B, C, T', H', W')
        return F.normalize(self.projector(self.pool(feats)), dim=1)  # (B, C) -> (B, D)

    def _feature_map(self, feats: Features) -> Tensor:
        """The single map (B, C, T', H', W') that the convolutions take."""
        self.pool(feats)  # several maps, or another width
        feats = feature_map(feats, token_pool='patch')
        if feats.ndim != 5:
            raise InputError(
                f"{self.config_key}.kind='{self.kind}' needs a feature map (B, C, T, H, W), the backbone yields "
                f"{tuple(feats.shape)}; set kind='linear' or 'mlp'"
            )
        return feats


def _convolutions(kind: str, channels: int) -> nn.Sequential | None:
    """The layers of a kind before the pooling, or None."""
    layers: dict[str, list[nn.Module]] = dict(
        conv=[nn.ReLU(), nn.Conv3d(channels, channels, 3, padding=1)], convbn=[nn.BatchNorm3d(channels), nn.ReLU()]
    )
    if kind not in layers:
        return None
    return nn.Sequential(nn.Conv3d(channels, channels, 3, padding=1), *layers[kind])
