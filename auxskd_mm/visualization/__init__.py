"""Pictures: clip sheets and curves."""

import mmaction.visualization  # noqa: F401  (registers MMAction2's own types for configs with one of ours as base)

from ..records.scalars import read_scalars
from .clip_sheet import SheetClip, draw_clip_sheet
from .curves import plot_curves

__all__ = ['SheetClip', 'draw_clip_sheet', 'plot_curves', 'read_scalars']
