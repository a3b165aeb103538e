"""A linear classifier on pooled features, which a linear probe has trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from ...choices import PROBE_POOLINGS, TIME_PARTS
from ...errors import InputError, check_choice
from ...registry import MODELS
from ..modules.protocol_pooling import pool_for_protocol

if TYPE_CHECKING:
    from ...typing import Features


@MODELS.register_module()
class ProbeHead(BaseModule):
    """``cls_head`` of MMAction2's ``Recognizer3D`` with the weights of a linear probe on a frozen backbone.

    Args:
        num_classes: Number of classes K.
        in_channels: Width D of the pooled feature.
        over_time: What is kept of the four quarters of a clip: 'time' keeps them side by side, 'mean' their mean,
            'mean_std' their mean and standard deviation. 'grid' keeps 2 x 2 parts of the frame in each quarter.

    Raises:
        InputError: If the backbone's feature has another width, or ``over_time`` is unknown.

    Example:
        >>> import torch
        >>> from auxskd_mm.models.heads import ProbeHead
        >>> head = ProbeHead(num_classes=3, in_channels=32)  # four quarters of 8 channels
        >>> head(torch.ones(2, 8, 4, 2, 2)).shape
        torch.Size([2, 3])
    """

    method = ''
    summary = 'a linear probe on frozen features'

    def __init__(self, num_classes: int, in_channels: int, over_time: str = 'time') -> None:
        super().__init__()
        check_choice('ProbeHead.over_time', over_time, PROBE_POOLINGS)
        self.num_classes, self.in_channels, self.over_time = num_classes, in_channels, over_time
        self.fc = nn.Linear(in_channels, num_classes)

    def forward(self, feats: Features, **kwargs: object) -> Tensor:
        """Logits (B, K) of the backbone's output for B clips, in any form that :func:`pool_for_protocol` takes.

        Raises:
            InputError: If the pooled feature has another width than ``in_channels``, or the output cannot be pooled.
        """
        kept = 'grid' if self.over_time == 'grid' else 'time'
        pooled = pool_for_protocol(feats, kept)  # (B, C * 16) or (B, C * 4)
        if self.over_time not in ('time', 'grid'):
            quarters = pooled.unflatten(1, (-1, TIME_PARTS))  # (B, C, 4)
            parts = [quarters.mean(2)] + [quarters.std(2, unbiased=False)] * (self.over_time == 'mean_std')
            pooled = torch.cat(parts, 1)  # (B, C), or (B, 2 * C) for 'mean_std'
        if pooled.shape[1] != self.in_channels:
            raise InputError(
                f'model.cls_head.in_channels={self.in_channels}, but the pooled feature has {pooled.shape[1]} values'
            )
        return self.fc(pooled)

    def loss(self, feats: Features, data_samples: Sequence[Any], **kwargs: object) -> dict[str, Tensor]:
        """Cross-entropy of the logits (B, K), as ``loss_cls``. Each of the B samples has ``gt_label``."""
        labels = torch.cat([sample.gt_label.reshape(-1) for sample in data_samples])
        return dict(loss_cls=nn.functional.cross_entropy(self(feats), labels.to(self.fc.weight.device)))

    def predict(self, feats: Features, data_samples: Sequence[Any], **kwargs: object) -> Sequence[Any]:
        """Write ``pred_score`` (K,), the mean of the logits over the clips, and ``pred_label`` into each sample."""
        scores = self(feats)  # (B * V, K)
        for sample, own in zip(data_samples, scores.view(len(data_samples), -1, scores.shape[1])):
            mean = own.mean(0)
            sample.set_pred_score(mean)
            sample.set_pred_label(mean.argmax())
        return data_samples
