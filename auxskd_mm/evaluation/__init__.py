"""Metrics and loops."""

from .segment_pace_metric import SegmentPaceMetric, segment_pace_accuracy

__all__ = ['SegmentPaceMetric', 'segment_pace_accuracy']
