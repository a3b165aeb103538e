"""Datasets and pipeline transforms."""

from . import transforms
from .gallery_query import GalleryQueryDataset
from .labeled_videos import LabeledVideoDataset
from .repeat_sampler import RepeatSampler
from .resumable import ResumableSampler, SeededSamples
from .video_list import UnlabeledVideoDataset

__all__ = [
    'GalleryQueryDataset',
    'LabeledVideoDataset',
    'RepeatSampler',
    'ResumableSampler',
    'SeededSamples',
    'UnlabeledVideoDataset',
    'transforms',
]
