"""Training loops, and the lines that say how far they are."""

from .progress_lines import CompactLogProcessor
from .resumable_loops import ResumableEpochTrainLoop, ResumableIterTrainLoop

__all__ = ['CompactLogProcessor', 'ResumableEpochTrainLoop', 'ResumableIterTrainLoop']
