"""Probes on cached features: stages, poolings and regularisation, chosen by nested validation by groups."""

from ..scores import Scores, scores_of
from .attentive import AttentiveProbe
from .labels import draw_few, permuted
from .search import ProbeChoice, ProbeSearch
from .search_metric import ProbeSearchMetric
from .views import StageFeatures, feature_views, stages_of

__all__ = [
    'AttentiveProbe',
    'ProbeChoice',
    'ProbeSearch',
    'ProbeSearchMetric',
    'Scores',
    'StageFeatures',
    'draw_few',
    'feature_views',
    'permuted',
    'scores_of',
    'stages_of',
]
