"""Probes on cached features: stages, poolings and regularisation, chosen by nested validation by groups."""

from .attentive import AttentiveProbe
from .labels import draw_few, permuted
from .search import ProbeChoice, ProbeSearch, Scores, scores_of
from .views import StageFeatures, feature_views

__all__ = [
    'AttentiveProbe',
    'ProbeChoice',
    'ProbeSearch',
    'Scores',
    'StageFeatures',
    'draw_few',
    'feature_views',
    'permuted',
    'scores_of',
]
