"""The head of VideoPace: predicts the pace, with an optional contrastive branch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import InputError, check_weights
from ...functional.pace import pace_names
from ...functional.tasks import Task
from ...registry import MODELS
from ..modules.mlp import MLP
from .labels import batch_labels, video_groups
from .pooled_head import PooledHead

if TYPE_CHECKING:
    from ...typing import Features


@MODELS.register_module()
class PaceHead(PooledHead):
    """Pace prediction by a linear layer (or an MLP) on the pooled feature (B, C), with an optional contrastive branch.

    The head works as ``cls_head`` of MMAction2's ``Recognizer3D``. The released code of VideoPace has only the linear
    layer. The contrastive branch follows public notes on the paper. The notes give the loss, but neither its weight nor
    the projector. This project chose those two defaults::

        L = pace_weight * CE(pace) + contrastive_weight * L_contrastive(projector(feature))

    Args:
        in_channels: Channels C of the backbone's feature.
        num_paces: Number of paces of the sampler.
        pace_weight: Weight of the cross-entropy.
        contrastive: None switches the branch off. With ``'same_context'`` clips of one video are positives. This needs
            2 views of different pace, ``PaceSample(num_views=2)``. With ``'same_pace'`` clips of one pace are
            positives, also if they come from different videos.
        contrastive_weight: Weight of the contrastive loss. The notes report that pace prediction alone beats either
            contrastive task alone, so the pace loss should dominate. With 30 videos of 2 views the contrastive loss
            starts at about ln(59) = 4.1 and the pace loss at ln(4) = 1.4. With a weight of 0.1 the branch makes up a
            quarter of the sum.
        projector_channels: Width of z, the output of the projector ``Linear, ReLU, Linear``. It is 128 as in auxSKD and
            RSPNet. The hidden layer has ``in_channels`` channels, as in RSPNet's 'mlp' projector.
        contrastive_loss: Config of the loss. None builds ``PaceContrastiveLoss`` without temperature, as in the notes.
        dropout: Dropout before the linear layer. VideoPace uses 0.
        hidden_channels: Width of a hidden layer ``Linear, ReLU`` before the logits. None predicts with a linear layer, as
            the original does. It ties the last layer of the backbone to the task.
        token_pool: See :func:`pool_features`. It has an effect on transformers only.
        init_cfg: MMEngine initialisation. None keeps PyTorch's.

    Raises:
        InputError: If a size is below 1 (the number of paces below 2), a weight is negative, or the variant is unknown.

    Example:
        >>> import torch
        >>> from mmaction.structures import ActionDataSample
        >>> from auxskd_mm.models.heads import PaceHead
        >>> head = PaceHead(in_channels=8, num_paces=4)
        >>> feats = torch.zeros(2, 8, 1, 2, 2)  # a backbone's map of two clips
        >>> head(feats).shape
        torch.Size([2, 4])
        >>> samples = [ActionDataSample(), ActionDataSample()]
        >>> for sample, pace in zip(samples, (0, 3)):
        ...     sample.set_field(torch.tensor([pace]), 'pace_label')
        >>> sorted(head.loss(feats, samples))
        ['loss_pace', 'pace_acc']

    Source: laura-wang/video-pace @ cc1e561; Wang, Jiao and Liu, "Self-supervised Video Representation Learning by Pace
    Prediction", ECCV 2020.
    """

    method = 'VideoPace'
    summary = 'VideoPace: at which pace a clip plays'

    def __init__(
        self,
        in_channels: int,
        num_paces: int = 4,
        pace_weight: float = 1.0,
        contrastive: str | None = None,
        contrastive_weight: float = 0.1,
        projector_channels: int = 128,
        contrastive_loss: dict | None = None,
        dropout: float = 0.0,
        token_pool: str = 'auto',
        init_cfg: dict | list | None = None,
        hidden_channels: int | None = None,
    ) -> None:
        super().__init__(in_channels, token_pool, init_cfg)
        check_weights('PaceHead', pace_weight=pace_weight, contrastive_weight=contrastive_weight)
        if num_paces < 2:
            raise InputError(f'PaceHead.num_paces={num_paces}: expected at least two paces to tell apart')
        if contrastive not in (None, 'same_context', 'same_pace'):
            raise InputError(f"PaceHead.contrastive='{contrastive}': expected None, 'same_context' or 'same_pace'")
        self.pace_weight = pace_weight
        self.contrastive = contrastive
        self.contrastive_weight = contrastive_weight
        self.dropout = nn.Dropout(dropout)
        self.fc_pace = self.output_layer(num_paces, hidden_channels)
        # The sampler of a config knows its paces better.
        self.tasks = (Task('pace', pace_names(range(1, num_paces + 1))),)
        # Only where it is used: DDP stops at parameters that get no gradient.
        if contrastive is not None:
            self.projector = MLP(in_channels, projector_channels, in_channels, norm=False)
            self.contrastive_loss = MODELS.build(contrastive_loss or dict(type='auxskd_mm.PaceContrastiveLoss'))

    def forward(self, feats: Features, **kwargs: object) -> Tensor:
        """Pace logits (B, num_paces) of feature maps (B, C, T', H', W'), or of any other form that
        :func:`pool_features` takes.

        Raises:
            InputError: If the backbone yields several feature maps or another width.
        """
        return self.fc_pace(self.dropout(self.pool(feats)))  # (B, num_paces)

    def loss(self, feats: Features, data_samples: Sequence[Any], **kwargs: object) -> dict[str, Tensor]:
        """The weighted losses, and the accuracy of the batch: ``loss_pace``, ``pace_acc`` and, with the branch,
        ``loss_contrastive``. Each sample has ``pace_label`` int64 (V,) for its V clips.

        Raises:
            InputError: If the labels do not fit, or 'same_context' gets a single view.
        """
        pooled = self.pool(feats)  # (B * V, C)
        logits = self.fc_pace(self.dropout(pooled))  # (B * V, num_paces)
        pace = batch_labels(data_samples, 'pace_label', logits.device, *logits.shape)  # (B * V,)
        losses = dict(
            loss_pace=self.pace_weight * F.cross_entropy(logits, pace),
            pace_acc=(logits.detach().argmax(1) == pace).float().mean(),
        )
        if self.contrastive is not None:
            groups = pace if self.contrastive == 'same_pace' else self._videos(data_samples, len(pooled), pooled.device)
            z = self.projector(pooled)  # (B * V, projector_channels)
            losses['loss_contrastive'] = self.contrastive_weight * self.contrastive_loss(z, groups)
        return losses

    def _videos(self, data_samples: Sequence[Any], clips: int, device: torch.device) -> Tensor:
        views = clips // len(data_samples)
        if views < 2:
            raise InputError(
                "PaceHead.contrastive='same_context' compares clips of one video, but the samples have one clip: set "
                'PaceSample(num_views=2)'
            )
        return video_groups(data_samples, views, device)
