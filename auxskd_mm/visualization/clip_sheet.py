"""Sheets of clips as a model sees them. The paced segment is framed."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from ..files import save_figure
from .plain_text import figure_text, one_line, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Vermilion of the Okabe-Ito palette, told apart by every kind of colour vision.
PACED, PLAIN = '#D55E00', '#999999'
_DPI = 100
# Inches: pitch and width of a cell, its largest height; captions and numbers around a row, the title, the rim; a letter.
_PITCH, _CELL, _TALLEST, _GAP, _HEAD, _RIM, _LETTER = 0.95, 0.91, 1.3, 0.5, 0.45, 0.1, 0.075
_LEAST_WIDTH = 6.0
_READ_AT = 10.0  # inches that a wider picture is shrunk to on a page; its text grows by as much


class SheetClip(NamedTuple):
    """One row of a sheet: frames uint8 (T, H, W, 3) RGB, their numbers in the video, paced bool (T,), and a caption."""

    frames: np.ndarray
    numbers: Sequence[int]
    paced: Sequence[bool]
    caption: str


def draw_clip_sheet(clips: Sequence[SheetClip], path: str | Path, title: str = '') -> Path:
    """Draw clips as rows of frames and write a PNG.

    Every frame carries its number in the video. Paced frames have a thick border and a bold number, so the sheet is
    also readable in grey.

    Args:
        clips: Rows, of any lengths and frame sizes.
        path: PNG file to write. Its folder is created.
        title: Line above the sheet.

    Returns:
        The path.
    """
    return save_figure(_sheet(clips, title), path, _DPI)


def render_clip_sheet(clips: Sequence[SheetClip], title: str = '') -> np.ndarray:
    """The sheet of :func:`draw_clip_sheet` as an array, uint8 RGB (H, W, 3)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(_sheet(clips, title))
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def text_zoom(width: float) -> float:
    """Factor for the text of a figure ``width`` inches wide, so that it is readable where pages shrink the figure."""
    return max(1.0, width / _READ_AT)


def _sheet(clips: Sequence[SheetClip], title: str) -> Figure:
    """A figure without pyplot. It needs no display, and a notebook keeps its backend."""
    from matplotlib.figure import Figure

    heights = [min(_CELL * clip.frames.shape[1] / clip.frames.shape[2], _TALLEST) for clip in clips]
    width = max(max(len(clip.frames) for clip in clips) * _PITCH + 2 * _RIM, _LEAST_WIDTH)
    text = title or 'frame numbers below; thick frame = sped-up segment'
    zoom = text_zoom(width)
    lines = textwrap.wrap(one_line(text), int((width - 2 * _RIM) / (1.1 * _LETTER * zoom)))
    head = (_HEAD + 0.2 * (len(lines) - 1)) * zoom
    height = sum(heights) + _GAP * zoom * len(clips) + head
    figure = Figure(figsize=(width, height), dpi=_DPI)
    page = figure.add_axes((0, 0, 1, 1))  # in inches, downwards
    page.axis('off')
    page.text(_RIM, 0.12 * zoom, '\n'.join(map(figure_text, lines)), fontsize=10 * zoom, va='top', linespacing=1.4)
    top = head
    for clip, tall in zip(clips, heights):
        _draw_row(page, clip, top + 0.22 * zoom, tall, width)
        top += tall + _GAP * zoom
    page.set(xlim=(0, width), ylim=(height, 0))
    return figure


def _draw_row(page: Axes, clip: SheetClip, top: float, height: float, width: float) -> None:
    from matplotlib.patches import Rectangle

    zoom = text_zoom(width)
    caption = figure_text(shorten(clip.caption, int((width - 2 * _RIM) / (_LETTER * zoom))))
    page.text(_RIM, top - 0.05, caption, fontsize=9 * zoom, va='bottom')
    wide = min(_CELL, height * clip.frames.shape[2] / clip.frames.shape[1])
    for i, (frame, number, paced) in enumerate(zip(clip.frames, clip.numbers, clip.paced)):
        left = _RIM + i * _PITCH + (_CELL - wide) / 2
        box = (left, left + wide, top + height, top)
        page.imshow(fit_frame(frame, int(wide * _DPI)), extent=box, interpolation='nearest', aspect='auto')
        look: dict[str, Any] = dict(edgecolor=PACED, linewidth=3) if paced else dict(edgecolor=PLAIN, linewidth=0.8)
        page.add_patch(Rectangle((left, top), wide, height, fill=False, **look))
        weight = 'bold' if paced else 'normal'
        middle, below = left + wide / 2, top + height + 0.05
        page.text(middle, below, str(number), fontsize=8 * zoom, weight=weight, ha='center', va='top')


def fit_frame(frame: np.ndarray, width: int) -> np.ndarray:
    """Scale a frame (H, W, 3) to at most ``width`` pixels in width. Smaller frames are unchanged."""
    if frame.shape[1] <= width:
        return frame
    size = (width, max(1, round(frame.shape[0] * width / frame.shape[1])))
    return cv2.resize(np.ascontiguousarray(frame), size, interpolation=cv2.INTER_AREA)
