"""uint8 clips in, augmented and normalised clips out, on the model's device."""

from .augmentations import BatchColorJitter, BatchRandomGrayscale
from .clip_data_preprocessor import ClipDataPreprocessor

__all__ = ['BatchColorJitter', 'BatchRandomGrayscale', 'ClipDataPreprocessor']
