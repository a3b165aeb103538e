"""Datasets and pipeline transforms."""

from . import transforms
from .gallery_query import GalleryQueryDataset
from .video_list import UnlabeledVideoDataset

__all__ = ['GalleryQueryDataset', 'UnlabeledVideoDataset', 'transforms']
