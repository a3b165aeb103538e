"""Metrics and loops."""

from .dump_predictions import DumpPredictions
from .feature_bank import FeatureBank, check_comparable
from .feature_extraction import extract_bank
from .few_labels_metric import FewLabelsMetric
from .linear_probe import LinearProbe, ProbeSettings, fit_probe, sweep_probe
from .linear_probe_metric import LinearProbeMetric
from .multi_clip_accuracy import MultiClipAccuracy
from .pretext import PretextResult, TeacherAgreementMetric, pretext_result
from .pretext_accuracy_metric import PretextAccuracyMetric
from .probes import ProbeSearch, ProbeSearchMetric
from .retrieval_metric import KNNMetric, RetrievalMetric, retrieval_recall
from .segment_pace_metric import SegmentPaceMetric, segment_pace_accuracy
from .speed_rank_metric import SpeedRankMetric

__all__ = [
    'DumpPredictions',
    'FeatureBank',
    'FewLabelsMetric',
    'KNNMetric',
    'LinearProbe',
    'LinearProbeMetric',
    'MultiClipAccuracy',
    'PretextAccuracyMetric',
    'PretextResult',
    'ProbeSearch',
    'ProbeSearchMetric',
    'ProbeSettings',
    'RetrievalMetric',
    'SegmentPaceMetric',
    'SpeedRankMetric',
    'TeacherAgreementMetric',
    'check_comparable',
    'extract_bank',
    'fit_probe',
    'pretext_result',
    'retrieval_recall',
    'segment_pace_accuracy',
    'sweep_probe',
]
