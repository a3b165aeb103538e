"""Data preprocessor that turns uint8 clips into augmented, normalised clips on the model's device."""

from .augmentations import BatchColorJitter, BatchRandomGrayscale
from .clip_data_preprocessor import ClipDataPreprocessor
from .feature_data_preprocessor import FeatureDataPreprocessor

__all__ = ['BatchColorJitter', 'BatchRandomGrayscale', 'ClipDataPreprocessor', 'FeatureDataPreprocessor']
