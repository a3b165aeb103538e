"""Events in recordings: found in scores, read from a truth file, and compared by F1."""

from .f1 import EventF1, event_f1
from .find import Event, PerClass, find_events
from .truth import read_events

__all__ = ['Event', 'EventF1', 'PerClass', 'event_f1', 'find_events', 'read_events']
