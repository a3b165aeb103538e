"""Datasets and pipeline transforms."""

from . import transforms
from .video_list import UnlabeledVideoDataset

__all__ = ['UnlabeledVideoDataset', 'transforms']
