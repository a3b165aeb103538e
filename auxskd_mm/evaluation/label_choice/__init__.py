"""Which videos to label: typical, diverse or uncertain ones."""

from .choose import STRATEGIES, Pick, choose_to_label, margins
from .k_center import k_center
from .typical import typical_clips

__all__ = ['STRATEGIES', 'Pick', 'choose_to_label', 'k_center', 'margins', 'typical_clips']
