"""The head of VSPP: which pace, and which segment has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from ...errors import InputError
from ...registry import MODELS
from .labels import batch_labels


@MODELS.register_module()
class VSPPHead(BaseModule):
    """Video segment pace prediction: two linear layers on one pooled feature.

    A drop-in ``cls_head`` of MMAction2's ``Recognizer3D``, so that any stock recipe can pretrain its backbone with it.

    Args:
        in_channels: Channels C of the backbone's feature map.
        num_speeds: Speeds 1 .. num_speeds.
        num_segments: Segments S of a clip.
        speed_weight: Weight of the speed's cross-entropy.
        segment_weight: Weight of the segment's cross-entropy.
        dropout: Dropout on the pooled feature; 0 in VSPP.
        init_cfg: MMEngine initialisation; None keeps PyTorch's.

    Raises:
        InputError: If a size is below 1 or a weight negative.

    Source: Plrbear/auxSKD @ 79e99b8, folder VSPP (layers ``linear`` and ``linear_segment``): L = CE(speed) + CE(segment).
    """

    def __init__(
        self,
        in_channels: int,
        num_speeds: int = 4,
        num_segments: int = 4,
        speed_weight: float = 1.0,
        segment_weight: float = 1.0,
        dropout: float = 0.0,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        for key, value in (('in_channels', in_channels), ('num_speeds', num_speeds), ('num_segments', num_segments)):
            if value < 1:
                raise InputError(f'VSPPHead.{key}={value}: expected at least 1')
        if speed_weight < 0 or segment_weight < 0:
            raise InputError(f'VSPPHead: loss weights must not be negative, got {speed_weight} and {segment_weight}')
        self.in_channels = in_channels
        self.speed_weight = speed_weight
        self.segment_weight = segment_weight
        self.dropout = nn.Dropout(dropout)
        self.fc_speed = nn.Linear(in_channels, num_speeds)
        self.fc_segment = nn.Linear(in_channels, num_segments)

    def forward(self, feats: Tensor, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Logits of both tasks.

        Args:
            feats: Feature maps (B, C, T', H', W'), or pooled features (B, C).
            kwargs: What ``Recognizer3D`` passes to every head; not used.

        Returns:
            Speed logits (B, num_speeds) and segment logits (B, num_segments).

        Raises:
            InputError: If the backbone yields several feature maps or another width.
        """
        if not isinstance(feats, Tensor):
            raise InputError(
                f'VSPPHead takes one feature map, the backbone yields {len(feats)}: pick one, e.g. model.backbone.out_indices=(3,)'
            )
        pooled = feats.flatten(2).mean(-1) if feats.ndim > 2 else feats
        if pooled.shape[1] != self.in_channels:
            raise InputError(
                f'model.cls_head.in_channels={self.in_channels}, but the backbone yields {pooled.shape[1]} channels'
            )
        pooled = self.dropout(pooled)
        return self.fc_speed(pooled), self.fc_segment(pooled)

    def loss(self, feats: Tensor, data_samples: Sequence[Any], **kwargs: Any) -> dict[str, Tensor]:
        """Both weighted cross-entropies, and the accuracies of the batch.

        Args:
            feats: Feature maps (B, C, T', H', W').
            data_samples: B samples with ``pace_label`` and ``segment_label``.
            kwargs: Not used.

        Returns:
            ``loss_speed``, ``loss_segment`` (summed by the Runner), ``pace_acc``, ``segment_acc`` and ``joint_acc`` (both right).
        """
        speed_logits, segment_logits = self(feats)
        pace = batch_labels(data_samples, 'pace_label', speed_logits.device)
        segment = batch_labels(data_samples, 'segment_label', speed_logits.device)
        with torch.no_grad():
            pace_hit = speed_logits.argmax(1) == pace
            segment_hit = segment_logits.argmax(1) == segment
        return dict(
            loss_speed=self.speed_weight * F.cross_entropy(speed_logits, pace),
            loss_segment=self.segment_weight * F.cross_entropy(segment_logits, segment),
            pace_acc=pace_hit.float().mean(),
            segment_acc=segment_hit.float().mean(),
            joint_acc=(pace_hit & segment_hit).float().mean(),
        )

    def predict(self, feats: Tensor, data_samples: Sequence[Any], **kwargs: Any) -> Sequence[Any]:
        """Write probabilities into the data samples.

        Args:
            feats: Feature maps (B * V, C, T', H', W'), V clips a sample.
            data_samples: B samples.
            kwargs: Not used.

        Returns:
            The samples with ``pred_pace`` (V, num_speeds) and ``pred_segment`` (V, num_segments).
        """
        speed_logits, segment_logits = self(feats)
        views = len(speed_logits) // len(data_samples)
        speeds = speed_logits.float().softmax(1).split(views)
        segments = segment_logits.float().softmax(1).split(views)
        for sample, speed, segment in zip(data_samples, speeds, segments):
            sample.set_field(speed, 'pred_pace')
            sample.set_field(segment, 'pred_segment')
        return data_samples
