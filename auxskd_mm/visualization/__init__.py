"""Pictures: clip sheets and curves."""

from .clip_sheet import SheetClip, draw_clip_sheet
from .curves import plot_curves, read_scalars

__all__ = ['SheetClip', 'draw_clip_sheet', 'plot_curves', 'read_scalars']
