"""Datasets and pipeline transforms."""

from . import transforms
from .gallery_query import GalleryQueryDataset
from .repeat_sampler import RepeatSampler
from .resumable import ResumableSampler, SeededSamples
from .video_list import UnlabeledVideoDataset

__all__ = [
    'GalleryQueryDataset',
    'RepeatSampler',
    'ResumableSampler',
    'SeededSamples',
    'UnlabeledVideoDataset',
    'transforms',
]
