"""A classification head with the pooling of the probes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mmaction.models.heads import I3DHead
from torch import Tensor

from ...errors import InputError, check_choice
from ...registry import MODELS
from ..modules.protocol_pooling import PYRAMID_PARTS, pool_for_protocol

if TYPE_CHECKING:
    from ...typing import Features

_PARTS = {'average': 1, **PYRAMID_PARTS}  # features per channel


@MODELS.register_module()
class ClipClassHead(I3DHead):
    """MMAction2's ``I3DHead`` that may keep when and where something happens: pooling, dropout, one linear layer.

    A mean over the clip forgets the order of what it shows. Where order makes the class (spoken letters, gestures),
    ``pooling='time'`` gives the linear layer the mean of each quarter of the clip. Where the side makes the class (forehand and
    backhand), ``pooling='grid'`` gives it the means of 2 x 2 parts of the frame in each quarter.

    Args:
        num_classes: Number of classes.
        in_channels: Channels C of the backbone's map.
        pooling: 'average' for C features per clip, 'time' for 4 C, 'grid' for 16 C, 'pyramid' for both.
        kwargs: Arguments of ``I3DHead``.

    Raises:
        InputError: If the pooling is another one, or ``num_classes`` is None, as in a config that nobody has counted for.

    Example:
        >>> import torch
        >>> from auxskd_mm.models.heads import ClipClassHead
        >>> head = ClipClassHead(num_classes=3, in_channels=8, pooling='time').eval()
        >>> head(torch.ones(2, 8, 8, 2, 2)).shape  # maps (B, C, T, H, W) of two clips
        torch.Size([2, 3])
    """

    def __init__(self, num_classes: int, in_channels: int, pooling: str = 'average', **kwargs: Any) -> None:
        check_choice('ClipClassHead.pooling', pooling, _PARTS)
        if num_classes is None:
            raise InputError(
                'ClipClassHead.num_classes=None: set num_classes in the config, or load it by auxskd_mm.apis.load_config, which '
                'counts the names in {lists}/classes.txt'
            )
        super().__init__(num_classes, in_channels * _PARTS[pooling], **kwargs)
        self.pooling = pooling

    def forward(self, x: Features, **kwargs: Any) -> Tensor:
        """Scores (B, num_classes) of the backbone's output for B clips, in any form that :func:`pool_for_protocol`
        takes.
        """
        pooled = pool_for_protocol(x, self.pooling)  # (B, C), (B, 4 C), (B, 16 C) or (B, 20 C)
        if self.dropout is not None:
            pooled = self.dropout(pooled)
        return self.fc_cls(pooled)
