"""Contact sheet of videos: a few frames of each, with its number and a caption."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..files import save_figure
from .plain_text import figure_text, shorten
from .retrieval_sheet import thumbnail

_COLUMNS, _FRAMES = 4, 3
_WIDE, _TALL, _TEXT, _GAP, _HEAD = 3.0, 0.76, 0.34, 0.12, 0.35  # inches: strip, text above it, distance, title


def draw_contact_sheet(videos: Sequence[tuple[str, str]], path: str | Path, title: str = '') -> Path:
    """Draw three frames per video, numbered from 1 in reading order, and write a PNG.

    Args:
        videos: Path and caption of each video.
        path: File to write.
        title: Line above the sheet.

    Returns:
        The path. A video that cannot be read is grey.
    """
    from matplotlib.figure import Figure

    columns = min(_COLUMNS, len(videos))
    rows = -(-len(videos) // columns)
    width = columns * _WIDE + (columns + 1) * _GAP
    height = rows * (_TALL + _TEXT + _GAP) + _HEAD
    figure = Figure(figsize=(width, height))
    figure.text(_GAP / width, 1 - 0.08 / height, figure_text(shorten(title, int(width / 0.08))), va='top', fontsize=10)
    for i, (name, caption) in enumerate(videos):
        left = _GAP + (i % columns) * (_WIDE + _GAP)
        top = _HEAD + (i // columns) * (_TALL + _TEXT + _GAP)
        box = (left / width, 1 - (top + _TEXT + _TALL) / height, _WIDE / width, _TALL / height)
        axis = figure.add_axes(box)
        axis.imshow(thumbnail(name, (96, 72), _FRAMES), interpolation='nearest', aspect='auto')
        axis.axis('off')
        text = f'{i + 1}  {shorten(Path(name).name, 34)}\n{shorten(caption, 46)}'
        figure.text(left / width, 1 - (top + _TEXT - 0.03) / height, figure_text_lines(text), va='bottom', fontsize=7.5)
    return save_figure(figure, path, 110)


def figure_text_lines(text: str) -> str:
    """:func:`figure_text` that keeps line breaks."""
    return '\n'.join(map(figure_text, text.split('\n')))
