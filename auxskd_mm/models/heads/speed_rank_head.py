"""A head that ranks the clips of a video by their speed, for VSPP and VideoPace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import InputError, check_least, check_weights
from ...functional.tasks import Task, segment_names
from ...registry import MODELS
from ..losses.speed_rank_loss import pair_accuracy, segment_speeds
from .labels import batch_labels, require_field
from .pooled_head import PooledHead

if TYPE_CHECKING:
    from ...typing import Features


@MODELS.register_module()
class SpeedRankHead(PooledHead):
    """Relative speed prediction: which of the clips of a video plays faster. It does not name the speeds.

    The head works as ``cls_head`` of MMAction2's ``Recognizer3D``. Each sample has V clips of one video at different
    speeds: ``PaceSample(num_views=V)``, or ``SegmentPaceSample(num_views=V, distinct_segments=False)``::

        pooled feature -- layer -- 1 score per clip      --> SpeedRankLoss over the V clips of a video
                     +-- layer -- S scores per clip     --> SpeedRankLoss over the V * S segments of a video

    The second branch belongs to VSPP. Score k of a clip says how fast its segment k plays: at ``clip_speed`` if it is
    the paced segment, else at 1. All segments of the V clips are ranked together, and the faster one must win. So the
    highest score of a clip names its paced segment where this plays faster than the rest. With a ``base_step`` above
    some of the speeds it may play slower (``clip_speed`` below 1), and then has the lowest score.

    Args:
        in_channels: Channels C of the backbone's feature.
        num_views: Clips V per video, at least 2.
        num_segments: Segments S per clip. 1 ranks whole clips only (VideoPace, or VSPP with one segment).
        speed_weight: Weight of the loss over the clips.
        segment_weight: Weight of the loss over the segments.
        hidden_channels: Width of the hidden layer of both branches. None makes them linear, which ties the last layer
            of the backbone to this task.
        loss: Config of the loss. None builds :class:`SpeedRankLoss`.
        dropout: Dropout on the pooled feature.
        token_pool: See :func:`pool_features`. It has an effect on transformers only.
        init_cfg: MMEngine initialisation. None keeps PyTorch's.

    Raises:
        InputError: If a size is below 1 (the number of views below 2) or a weight is negative.

    Example:
        >>> import torch
        >>> from auxskd_mm.models.heads import SpeedRankHead
        >>> head = SpeedRankHead(in_channels=8, num_views=3, num_segments=4, hidden_channels=16)
        >>> feats = torch.zeros(2 * 3, 8, 1, 2, 2)  # a backbone's map of three clips of two videos
        >>> scores, segment_scores = head(feats)
        >>> scores.shape, segment_scores.shape
        (torch.Size([2, 3]), torch.Size([6, 4]))

    Source: Duan et al., "TransRank", CVPR 2022, arXiv 2205.02028, see :class:`SpeedRankLoss`. The ranking of segments
    is this project's.
    """

    method = 'speed ranking'
    summary = 'speed ranking, after TransRank: which of the clips of a video plays faster'

    def __init__(
        self,
        in_channels: int,
        num_views: int = 2,
        num_segments: int = 1,
        speed_weight: float = 1.0,
        segment_weight: float = 1.0,
        hidden_channels: int | None = None,
        loss: dict | None = None,
        dropout: float = 0.0,
        token_pool: str = 'auto',
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(in_channels, token_pool, init_cfg)
        check_least('SpeedRankHead', num_segments=num_segments)
        check_weights('SpeedRankHead', speed_weight=speed_weight, segment_weight=segment_weight)
        if num_views < 2:
            raise InputError(f'SpeedRankHead.num_views={num_views}: expected at least two clips of a video to compare')
        self.num_views = num_views
        self.num_segments = num_segments
        self.speed_weight = speed_weight
        self.segment_weight = segment_weight
        self.rank_loss = MODELS.build(loss or dict(type='auxskd_mm.SpeedRankLoss'))
        self.dropout = nn.Dropout(dropout)
        self.fc_speed = self.output_layer(1, hidden_channels)
        views = tuple(f'clip {view + 1}' for view in range(num_views))
        self.tasks: tuple[Task, ...] = (
            Task('fastest', views, clips=num_views, about='which clip of a video plays fastest'),
        )
        # Only where it is used: DDP stops at parameters that get no gradient.
        if num_segments > 1:
            self.fc_segment = self.output_layer(num_segments, hidden_channels)
            self.tasks += (Task('segment', segment_names(num_segments), given='pace'),)

    def forward(self, feats: Features, **kwargs: object) -> Tensor | tuple[Tensor, Tensor]:
        """Scores. The scores of a video's clips are the logits of its fastest clip.

        Args:
            feats: Feature maps (B * V, C, T', H', W') of the clips of B videos, one video after the other, or any other
                form that :func:`pool_features` takes.

        Returns:
            Scores of the clips (B, V). With several segments also their scores (B * V, S).

        Raises:
            InputError: If V does not divide the number of clips, or the backbone yields several feature maps or another
                width.
        """
        pooled = self.dropout(self.pool(feats))  # (B * V, C)
        if pooled.shape[0] % self.num_views:  # len() would fix the batch size of an export
            raise InputError(
                f'{len(pooled)} clips do not divide into videos of model.cls_head.num_views={self.num_views} clips: '
                'give the sampler the same num_views'
            )
        scores = self.fc_speed(pooled).unflatten(0, (-1, self.num_views))[..., 0]  # (B, V)
        return (scores, self.fc_segment(pooled)) if self.num_segments > 1 else scores  # (B * V, S)

    def loss(self, feats: Features, data_samples: Sequence[Any], **kwargs: object) -> dict[str, Tensor]:
        """The weighted ranking losses, and the share of pairs in the right order, of which chance is 0.5.

        The scalars are ``loss_rank`` and ``pair_acc``, and with several segments ``loss_segment_rank`` and
        ``segment_pair_acc``.

        Each sample has ``clip_speed`` float (V,) and, for segments, ``segment_label`` int64 (V,).

        Raises:
            InputError: If the samples have no speeds, or another number of clips.
        """
        scores, *segment_scores = _as_tuple(self(feats))  # (B, V), [(B * V, S)]
        speeds = self._speeds(data_samples, scores)  # (B, V)
        losses = dict(loss_rank=self.speed_weight * self.rank_loss(scores, speeds), **_accuracy('', scores, speeds))
        for parts in segment_scores:
            segment = batch_labels(data_samples, 'segment_label', parts.device, *parts.shape)  # (B * V,)
            local = segment_speeds(speeds.flatten(), segment, self.num_segments)  # (B * V, S)
            parts, local = (one.reshape(len(scores), -1) for one in (parts, local))  # (B, V * S)
            losses['loss_segment_rank'] = self.segment_weight * self.rank_loss(parts, local)
            losses.update(_accuracy('segment_', parts, local))
        return losses

    def _speeds(self, data_samples: Sequence[Any], scores: Tensor) -> Tensor:
        """Speeds of the clips of a batch, float32 (B, V)."""
        require_field(data_samples, 'clip_speed', 'use PaceSample or SegmentPaceSample')
        rows = [np.asarray(torch.as_tensor(sample.get('clip_speed')).cpu()).reshape(-1) for sample in data_samples]
        counts = {len(row) for row in rows}
        if counts != {self.num_views}:
            raise InputError(
                f'samples of {sorted(counts)} clips for model.cls_head.num_views={self.num_views}: give the sampler the '
                'same num_views'
            )
        return torch.from_numpy(np.stack(rows).astype(np.float32)).to(scores.device, non_blocking=True)

    def predict(self, feats: Features, data_samples: Sequence[Any], **kwargs: object) -> Sequence[Any]:
        """Write ``speed_score`` (V,) and ``pred_fastest`` (1, V), and with several segments ``segment_score`` (V, S)
        and ``pred_segment`` (V, S), into each sample.

        The probability of a clip to be the fastest of its video is the softmax over the scores of the V clips. The
        probability of a segment to be the fastest of its clip is the softmax over the scores of the S segments. This is
        the paced one unless it is slowed down.
        """
        scores, *segment_scores = _as_tuple(self(feats))  # (B, V), [(B * V, S)]
        for sample, own in zip(data_samples, scores.float()):
            sample.set_field(own, 'speed_score')
            sample.set_field(own.softmax(0)[None], 'pred_fastest')
        for parts in segment_scores:
            for sample, own in zip(data_samples, parts.float().split(self.num_views)):
                sample.set_field(own, 'segment_score')
                sample.set_field(own.softmax(1), 'pred_segment')
        return data_samples


def _as_tuple(outputs: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return outputs if isinstance(outputs, tuple) else (outputs,)


def _accuracy(prefix: str, scores: Tensor, speeds: Tensor) -> dict[str, Tensor]:
    """Share of pairs in the right order, mean over the videos that have a pair."""
    return {f'{prefix}pair_acc': pair_accuracy(scores.detach(), speeds).nanmean()}
