"""Ranking of the clips of one video by their speed, after TransRank."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import InputError
from ...registry import MODELS


@MODELS.register_module()
class SpeedRankLoss(nn.Module):
    """Margin ranking loss: of two clips of one video, the faster one must get the higher score.

    A clip has a score s and a speed v. The pairs (i, j) of a video are its clips with v_i > v_j::

        L = mean over the videos of ( mean over the pairs of the video of max(0, margin - (s_i - s_j)) )

    Speeds are compared within a video only. A slow video that is sped up may look like a fast one at its own speed, so
    names of speeds are noisy labels. The order of two speeds of one video is certain. Each video has the same weight,
    also if it has few pairs. The mean over ranks of DistributedDataParallel is then the mean over all videos. The loss
    is computed in float32 or better, because the scores have no bound.

    Args:
        margin: Difference that the loss demands between two scores. A score may have any scale, so the margin sets this
            scale. The default is this project's choice.

    Raises:
        InputError: If the margin is not above 0. With 0, equal scores would have no loss.

    Example:
        >>> import torch
        >>> from auxskd_mm.models.losses import SpeedRankLoss
        >>> scores = torch.tensor([[0.5, 2.0, 1.0]])  # three clips of one video
        >>> speeds = torch.tensor([[1.0, 2.0, 4.0]])
        >>> SpeedRankLoss()(scores, speeds)  # leads 1.5, 0.5 and -1: (0 + 0.5 + 2) / 3
        tensor(0.8333)

    Source: Duan et al., "TransRank: Self-supervised Video Representation Learning via Ranking-based Transformation
    Recognition", CVPR 2022, arXiv 2205.02028. TransRank has one score per transformation, and compares each between the
    clips of a video. Speeds have an order, so one score is enough here.
    """

    def __init__(self, margin: float = 1.0) -> None:
        super().__init__()
        if not margin > 0:
            raise InputError(f'SpeedRankLoss.margin={margin}: expected a difference above 0')
        self.margin = margin

    def forward(self, scores: Tensor, speeds: Tensor) -> Tensor:
        """The loss of the scores of M clips (or segments) of N videos, and of their speeds, (N, M) each. A video whose
        speeds are all equal adds 0, also to the gradient.
        """
        with torch.autocast(scores.device.type, enabled=False):
            lead, faster = _leads(scores.to(torch.promote_types(scores.dtype, torch.float32)), speeds)
            losses = F.relu(self.margin - lead) * faster  # (N, M, M), 0 where there is no pair
            return (losses.sum((1, 2)) / faster.sum((1, 2)).clamp(min=1)).mean()


def pair_accuracy(scores: Tensor, speeds: Tensor) -> Tensor:
    """Share (N,) of the pairs of each video whose faster clip has the higher score, from scores and speeds (N, M).

    Chance is 0.5, and equal scores count 0.5. A video whose speeds are all equal has NaN.

    Example:
        >>> import torch
        >>> pair_accuracy(torch.tensor([[0.5, 2.0, 1.0]]), torch.tensor([[1.0, 2.0, 4.0]]))
        tensor([0.6667])
    """
    lead, faster = _leads(scores, speeds)
    right = (lead > 0) + 0.5 * (lead == 0)  # (N, M, M)
    return (right * faster).sum((1, 2)) / faster.sum((1, 2))


def segment_speeds(speeds: Tensor, segments: Tensor, num_segments: int) -> Tensor:
    """Speed of each segment (N, S) of N clips with one paced segment, from its speed (N,) and its index int64 (N,). The
    other segments have speed 1.

    Example:
        >>> import torch
        >>> segment_speeds(torch.tensor([4.0, 1.0]), torch.tensor([2, 0]), 3)
        tensor([[1., 1., 4.],
                [1., 1., 1.]])
    """
    return speeds.new_ones(len(speeds), num_segments).scatter(1, segments[:, None], speeds[:, None])


def _leads(scores: Tensor, speeds: Tensor) -> tuple[Tensor, Tensor]:
    """Differences s_i - s_j, and which pairs have v_i > v_j, both (N, M, M)."""
    return scores[:, :, None] - scores[:, None], speeds[:, :, None] > speeds[:, None]
