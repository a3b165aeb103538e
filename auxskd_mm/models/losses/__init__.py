"""Losses: small modules, (predictions, targets) -> scalar."""

from .pace_contrastive_loss import PaceContrastiveLoss
from .queue_contrastive_loss import QueueContrastiveLoss
from .relative_speed_loss import RelativeSpeedLoss
from .similarity_distillation_loss import SimilarityDiagnostics, SimilarityDistillationLoss
from .speed_rank_loss import SpeedRankLoss, pair_accuracy, segment_speeds

__all__ = [
    'PaceContrastiveLoss',
    'QueueContrastiveLoss',
    'RelativeSpeedLoss',
    'SimilarityDiagnostics',
    'SimilarityDistillationLoss',
    'SpeedRankLoss',
    'pair_accuracy',
    'segment_speeds',
]
