"""Reading single frames by number from videos, frame folders and training stores."""

from .base import CHANNEL_ORDERS, IMAGE_SUFFIXES, Reader
from .frame_folder import FrameFolderReader, natural_key
from .open import READERS, DecordReader, OpenCVReader, open_reader
from .pyav import PyAVReader

__all__ = [
    'CHANNEL_ORDERS',
    'IMAGE_SUFFIXES',
    'READERS',
    'DecordReader',
    'FrameFolderReader',
    'OpenCVReader',
    'PyAVReader',
    'Reader',
    'natural_key',
    'open_reader',
]
