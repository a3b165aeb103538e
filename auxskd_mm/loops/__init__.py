"""Training loops, and the lines that report their progress."""

from .progress_lines import CompactLogProcessor
from .resumable_loops import ResumableEpochTrainLoop, ResumableIterTrainLoop

__all__ = ['CompactLogProcessor', 'ResumableEpochTrainLoop', 'ResumableIterTrainLoop']
