"""Class activation over space, as an overlay of the frames, and over time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..files import save_figure
from .clip_sheet import PACED, PLAIN, fit_frame, text_zoom
from .plain_text import figure_text, shorten

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PITCH, _CELL, _LEFT, _RIGHT, _CURVE, _LETTER = 0.95, 0.91, 0.75, 0.9, 0.75, 0.075  # inches
_DPI = 100
MAP = 'PuOr_r'  # orange for, purple against: told apart by every kind of colour vision


class ActivationClip(NamedTuple):
    """A clip with a map: frames uint8 (T, H, W, 3) RGB, numbers and paced flags (T,), a caption, map (T, H, W)."""

    frames: np.ndarray
    numbers: Sequence[int]
    paced: Sequence[bool]
    caption: str
    activation: np.ndarray


def draw_activation(clips: Sequence[ActivationClip], path: str | Path, title: str = '') -> Path:
    """Draw three rows per clip and write a PNG: frames, frames under the map, and the mean of the map over each frame.
    Return the path. The clips have one size.

    All clips share one colour scale, symmetric about 0. Orange raises the logit, purple lowers it. Where the map is
    near 0, the frame is visible in grey.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

    count, tall, wide = clips[0].activation.shape
    height = _CELL * tall / wide
    width = max(count * _PITCH, 5.4)
    zoom = text_zoom(width)
    width += (_LEFT + _RIGHT) * zoom
    block = 2 * height + _CURVE + 0.85 * zoom
    size = (width, len(clips) * block + 0.4 * zoom)
    figure = Figure(figsize=size, dpi=_DPI)
    line = figure_text(shorten(title, int(width / (_LETTER * zoom))))
    figure.text(0.1 / width, 1 - 0.25 * zoom / size[1], line, fontsize=10 * zoom)
    limit = max(float(np.abs(clip.activation).max()) for clip in clips) or 1.0
    scale = Normalize(-limit, limit)
    for i, clip in enumerate(clips):
        _draw_clip(figure, clip, 0.4 * zoom + i * block, height, scale, zoom)
    length = min(2.0, size[1] - 1.1 * zoom)
    bar = figure.add_axes((1 - 0.6 * zoom / width, 0.3 * zoom / size[1], 0.12 * zoom / width, length / size[1]))
    colours = figure.colorbar(ScalarMappable(scale, MAP), cax=bar)
    colours.ax.tick_params(labelsize=8 * zoom)
    colours.ax.set_title('adds to\nthe logit', fontsize=8 * zoom)
    return save_figure(figure, path, _DPI)


def overlay(frame: np.ndarray, activation: np.ndarray, limit: float) -> np.ndarray:
    """A frame uint8 (H, W, 3) in grey under its map float (H, W). A stronger map hides more of it; ``limit`` has the
    full colour.
    """
    from matplotlib import colormaps

    strength = np.clip(activation / limit, -1, 1)
    colour = colormaps[MAP]((strength + 1) / 2)[..., :3] * 255
    grey = np.repeat(frame.mean(-1, keepdims=True), 3, axis=-1)
    share = 0.75 * np.abs(strength)[..., None] ** 0.5
    return (grey * (1 - share) + colour * share).round().astype(np.uint8)


def _draw_clip(figure: Figure, clip: ActivationClip, top: float, height: float, scale: Any, zoom: float) -> None:
    from matplotlib.patches import Rectangle

    width, tall = figure.get_size_inches()
    count, left = len(clip.frames), _LEFT * zoom
    rows = 2 * height + 0.1
    frames_top = top + 0.25 * zoom
    page = figure.add_axes(
        (left / width, 1 - (frames_top + rows) / tall, count * _PITCH / width, rows / tall),
        xlim=(0, count * _PITCH),
        ylim=(rows, 0),
    )
    page.axis('off')
    caption = shorten(clip.caption, int((width - left) / (_LETTER * zoom)))
    page.text(0, -0.07, figure_text(caption), fontsize=9 * zoom, va='bottom')
    shown = [overlay(frame, own, scale.vmax) for frame, own in zip(clip.frames, clip.activation)]
    for i in range(count):
        for line, picture in enumerate((clip.frames[i], shown[i])):
            box = (i * _PITCH, i * _PITCH + _CELL, line * (height + 0.06) + height, line * (height + 0.06))
            page.imshow(fit_frame(picture, int(_CELL * _DPI)), extent=box, aspect='auto', interpolation='nearest')
        paced = clip.paced[i]
        look: dict[str, Any] = dict(edgecolor=PACED if paced else PLAIN, linewidth=3 if paced else 0.8)
        page.add_patch(Rectangle((i * _PITCH, 0), _CELL, height, fill=False, **look))
    page.set(xlim=(0, count * _PITCH), ylim=(rows, 0))
    _draw_course(figure, clip, frames_top + rows + 0.05, zoom)


def _draw_course(figure: Figure, clip: ActivationClip, top: float, zoom: float) -> None:
    width, tall = figure.get_size_inches()
    count = len(clip.frames)
    course = clip.activation.mean((1, 2))
    axis = figure.add_axes((_LEFT * zoom / width, 1 - (top + _CURVE) / tall, count * _PITCH / width, _CURVE / tall))
    centres = (np.arange(count) * _PITCH + _CELL / 2) / _PITCH
    for i, paced in enumerate(clip.paced):
        if paced:
            axis.axvspan(i, i + 1, color=PACED, alpha=0.15, linewidth=0)
    axis.axhline(0, color='#999999', linewidth=0.8)
    axis.plot(centres, course, color='#0072B2', marker='o', markersize=3, linewidth=1.5)
    axis.set_xlim(0, count)
    axis.set_xticks(centres, [str(number) for number in clip.numbers], fontsize=8 * zoom)
    axis.tick_params(axis='y', labelsize=8 * zoom)
    axis.set_ylabel('mean of\nthe frame', fontsize=8 * zoom)
    for side in ('top', 'right'):
        axis.spines[side].set_visible(False)
