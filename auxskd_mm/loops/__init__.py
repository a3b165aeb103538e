"""Training loops."""

from .resumable_loops import ResumableEpochTrainLoop, ResumableIterTrainLoop

__all__ = ['ResumableEpochTrainLoop', 'ResumableIterTrainLoop']
