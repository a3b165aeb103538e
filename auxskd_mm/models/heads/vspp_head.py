"""The head of VSPP: it predicts the pace, and the segment that plays at this pace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import InputError, check_least, check_weights
from ...functional.pace import pace_names
from ...functional.tasks import Task, segment_names
from ...registry import MODELS
from ..modules.feature_map import feature_map
from .labels import batch_labels
from .pooled_head import PooledHead

if TYPE_CHECKING:
    from ...typing import Features


@MODELS.register_module()
class VSPPHead(PooledHead):
    """Video segment pace prediction: two linear layers (or MLPs) on one pooled feature (B, C).

    The head works as ``cls_head`` of MMAction2's ``Recognizer3D``. Any stock config can pretrain its backbone with it.

    Args:
        in_channels: Channels C of the backbone's feature map.
        num_speeds: Number of speeds. The speeds are 1 .. num_speeds.
        num_segments: Segments S per clip.
        speed_weight: Weight of the speed's cross-entropy.
        segment_weight: Weight of the segment's cross-entropy.
        dropout: Dropout on the pooled feature. VSPP uses 0.
        hidden_channels: Width of a hidden layer ``Linear, ReLU`` before the logits. None predicts with a linear layer, as
            the original does. It ties the last layer of the backbone to the task.
        token_pool: See :func:`pool_features`. It has an effect on transformers only.
        init_cfg: MMEngine initialisation. None keeps PyTorch's.
        window: Window (time, height, width) of an average pooling with stride 1, as in PECoP: (2, 7, 7). The layers then
            work on each position of the pooled map and the logits are averaged. Dropout is drawn for each position and
            for each of the two layers. Without dropout the logits equal those of the mean over the pooled map. None
            averages the whole map first.

    Raises:
        InputError: If a size is below 1 or a weight is negative.

    Example:
        >>> import torch
        >>> from mmaction.structures import ActionDataSample
        >>> from auxskd_mm.models.heads import VSPPHead
        >>> head = VSPPHead(in_channels=8, num_speeds=4, num_segments=4)
        >>> feats = torch.zeros(2, 8, 1, 2, 2)  # a backbone's map of two clips
        >>> speed_logits, segment_logits = head(feats)
        >>> speed_logits.shape, segment_logits.shape
        (torch.Size([2, 4]), torch.Size([2, 4]))
        >>> samples = head.predict(feats, [ActionDataSample(), ActionDataSample()])
        >>> samples[0].pred_pace.shape  # one clip per sample, four speeds
        torch.Size([1, 4])

    Source: Plrbear/auxSKD @ 79e99b8, folder VSPP (layers ``linear`` and ``linear_segment``): L = CE(speed) +
    CE(segment). ``window``: class ``VSPP`` in ``train.py`` of Plrbear/PECoP @ af79e55.
    """

    method = 'VSPP'
    summary = 'VSPP: which segment of a clip is sped up, and how much'

    def __init__(
        self,
        in_channels: int,
        num_speeds: int = 4,
        num_segments: int = 4,
        speed_weight: float = 1.0,
        segment_weight: float = 1.0,
        dropout: float = 0.0,
        token_pool: str = 'auto',
        init_cfg: dict | list | None = None,
        window: Sequence[int] | None = None,
        hidden_channels: int | None = None,
    ) -> None:
        super().__init__(in_channels, token_pool, init_cfg)
        check_least('VSPPHead', num_speeds=num_speeds, num_segments=num_segments)
        check_weights('VSPPHead', speed_weight=speed_weight, segment_weight=segment_weight)
        self.speed_weight = speed_weight
        self.segment_weight = segment_weight
        self.dropout = nn.Dropout(dropout)
        if window is not None and (len(window) != 3 or min(window) < 1):
            raise InputError(f'VSPPHead.window={tuple(window)}: expected (time, height, width), e.g. (2, 7, 7)')
        self.window = None if window is None else (window[0], window[1], window[2])
        self.fc_speed = self.output_layer(num_speeds, hidden_channels)
        self.fc_segment = self.output_layer(num_segments, hidden_channels)
        # The sampler of a config knows its speeds better.
        self.tasks = (
            Task('pace', pace_names(range(1, num_speeds + 1))),
            Task('segment', segment_names(num_segments), given='pace'),
        )

    def forward(self, feats: Features, **kwargs: object) -> tuple[Tensor, Tensor]:
        """Speed logits (B, num_speeds) and segment logits (B, num_segments) of feature maps (B, C, T', H', W'), or of
        any other form that :func:`pool_features` takes.

        Raises:
            InputError: If the backbone yields several feature maps or another width, or the window does not fit the map.
        """
        if self.window is not None:
            positions = self._pool_window(feats, self.window)  # (B, C, T", H", W")
            return self._mean_logits(self.fc_speed, positions), self._mean_logits(self.fc_segment, positions)
        pooled = self.dropout(self.pool(feats))  # (B, C)
        return self.fc_speed(pooled), self.fc_segment(pooled)  # (B, num_speeds), (B, num_segments)

    def _pool_window(self, feats: Features, window: tuple[int, int, int]) -> Tensor:
        """Average a map (B, C, T', H', W') over a window that moves in steps of one position."""
        fmap = feature_map(feats)
        if fmap.ndim != 5 or any(size < side for size, side in zip(fmap.shape[2:], window)):
            raise InputError(
                f'model.cls_head.window={window} does not fit the feature map {tuple(fmap.shape)} (batch, channels, time, '
                'height, width); use longer or larger clips, or a smaller window'
            )
        self.pool(fmap[:, :, :1, :1, :1])  # refuses another width
        return F.avg_pool3d(fmap, window, stride=1)

    def _mean_logits(self, layer: nn.Module, positions: Tensor) -> Tensor:
        """Logits (B, K) of a layer, averaged over the positions of a map (B, C, T", H", W")."""
        rows = self.dropout(positions).flatten(2).transpose(1, 2)  # (B, P, C)
        return layer(rows.flatten(0, 1)).unflatten(0, rows.shape[:2]).mean(1)  # (B * P, K) -> (B, P, K) -> (B, K)

    def loss(self, feats: Features, data_samples: Sequence[Any], **kwargs: object) -> dict[str, Tensor]:
        """Both weighted cross-entropies, and the accuracies of the batch.

        The scalars are ``loss_speed``, ``loss_segment``, ``pace_acc``, ``segment_acc`` and ``joint_acc``, the share of
        clips with both answers right.

        Each sample has ``pace_label`` and ``segment_label``, int64 (V,), for its V clips.
        """
        speed_logits, segment_logits = self(feats)  # (B * V, num_speeds), (B * V, num_segments)
        device = speed_logits.device
        pace = batch_labels(data_samples, 'pace_label', device, *speed_logits.shape)  # (B * V,)
        segment = batch_labels(data_samples, 'segment_label', device, *segment_logits.shape)  # (B * V,)
        with torch.no_grad():
            pace_hit = speed_logits.argmax(1) == pace  # (B * V,) bool
            segment_hit = segment_logits.argmax(1) == segment
        return dict(
            loss_speed=self.speed_weight * F.cross_entropy(speed_logits, pace),
            loss_segment=self.segment_weight * F.cross_entropy(segment_logits, segment),
            pace_acc=pace_hit.float().mean(),
            segment_acc=segment_hit.float().mean(),
            joint_acc=(pace_hit & segment_hit).float().mean(),
        )
