"""Reading single frames by number from videos, frame folders and training stores."""

from ..suffixes import IMAGE_SUFFIXES
from .base import CHANNEL_ORDERS, Reader
from .frame_folder import FrameFolderReader
from .frame_names import natural_key
from .open import READERS, open_reader
from .pyav import PyAVReader

__all__ = [
    'CHANNEL_ORDERS',
    'IMAGE_SUFFIXES',
    'READERS',
    'FrameFolderReader',
    'PyAVReader',
    'Reader',
    'natural_key',
    'open_reader',
]
