"""Pipeline transforms."""

from .decoding import DecodeClips, OpenVideo
from .sampling import PretextSampler, SegmentPaceSample

__all__ = ['DecodeClips', 'OpenVideo', 'PretextSampler', 'SegmentPaceSample']
