"""Class scores over the time of a recording, and the events in it."""

from .predict_timeline import Timeline, predict_timeline
from .report import EventRules, timeline_files, write_timeline

__all__ = ['EventRules', 'Timeline', 'predict_timeline', 'timeline_files', 'write_timeline']
