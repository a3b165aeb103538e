"""One head a pretext task."""

from .labels import batch_labels
from .vspp_head import VSPPHead

__all__ = ['VSPPHead', 'batch_labels']
