"""Whether a figure is whole, by the boxes of what is drawn."""

from __future__ import annotations

from types import ModuleType

import pytest
from matplotlib.figure import Figure


def saved_figures(monkeypatch: pytest.MonkeyPatch, module: ModuleType) -> list[Figure]:
    """The figures that a module saves from now on; no file is written."""
    figures: list[Figure] = []
    monkeypatch.setattr(module, 'save_figure', lambda figure, path, dpi: figures.append(figure) or path)
    return figures


def is_cut_off(figure: Figure) -> bool:
    """Whether something that is drawn reaches over an edge of the figure."""
    figure.draw_without_rendering()
    (left, bottom), (right, top) = figure.get_tightbbox().get_points()  # inches
    width, height = figure.get_size_inches()
    return bool(left < 0 or bottom < 0 or right > width or top > height)
