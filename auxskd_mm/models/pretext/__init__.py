"""One class a method."""

from .aux_skd import AuxSKD
from .pretext_model import PretextModel

__all__ = ['AuxSKD', 'PretextModel']
