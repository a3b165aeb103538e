"""Picture of class scores over the time of a recording, with found and true events."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..evaluation.events import Event
from ..files import save_figure
from .plain_text import figure_text, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Blue and vermilion of the Okabe-Ito palette, told apart by every kind of colour vision.
FOUND, TRUE = '#0072B2', '#D55E00'
_SCORE = '#999999'
_MOST_ROWS = 20
_WIDTH, _ROW, _HEAD, _FOOT = 12.0, 0.5, 0.6, 0.55  # inches


def draw_timeline(
    path: str | Path,
    scores: np.ndarray,
    spans: tuple[np.ndarray, np.ndarray],
    names: Sequence[str],
    found: Sequence[Event],
    truth: Sequence[Event] | None = None,
    thresholds: Sequence[float] | None = None,
    title: str = '',
) -> Path:
    """Draw one row per class and write a PNG: the scores, the found events below them, and the true events.

    Args:
        path: File to write.
        scores: Scores float (N, K) in [0, 1] of N parts of the recording.
        spans: Start and end of each part in seconds, each float (N,).
        names: Names of the K classes.
        found: Found events.
        truth: True events, if they are known.
        thresholds: Threshold of each class, drawn as a thin line.
        title: Line above the rows.

    Returns:
        The path. Of more than 20 classes, those with events or the highest scores are shown.
    """
    from matplotlib.figure import Figure

    rows = _chosen(scores, names, {event.label for event in (*found, *(truth or ()))})
    height = _HEAD + _FOOT + _ROW * len(rows)
    figure = Figure(figsize=(_WIDTH, height))
    left = min(0.03 + 0.0065 * max(len(shorten(names[k], 24)) for k in rows), 0.2)
    grid = figure.add_gridspec(
        len(rows), 1, left=left, right=0.975, top=1 - _HEAD / height, bottom=_FOOT / height, hspace=0.15
    )
    hidden = f' ({len(rows)} of {len(names)} classes)' if len(rows) < len(names) else ''
    figure.text(0.01, 1 - 0.12 / height, figure_text(shorten(title + hidden, 150)), va='top', fontsize=10)
    axis = None
    for place, k in enumerate(rows):
        axis = figure.add_subplot(grid[place], sharex=axis)
        limit = None if thresholds is None else thresholds[k]
        _draw_scores(axis, scores[:, k], spans, limit)
        _draw_events(axis, [e for e in found if e.label == names[k]], FOUND, -0.28)
        if truth is not None:
            _draw_events(axis, [e for e in truth if e.label == names[k]], TRUE, -0.62)
        _style(axis, names[k], float(spans[1][-1]), truth is not None, place == len(rows) - 1)
    assert axis is not None
    _label_time(axis, float(spans[1][-1]))
    _explain(figure, height, truth is not None, thresholds is not None)
    return save_figure(figure, path, 110)


def _style(axis: Axes, name: str, duration: float, truth: bool, last: bool) -> None:
    axis.set_ylabel(figure_text(shorten(name, 24)), rotation=0, ha='right', va='center', fontsize=9)
    axis.set(yticks=[], ylim=(-0.98 if truth else -0.62, 1.02), xlim=(0, duration))
    axis.tick_params(labelbottom=last, bottom=last, labelsize=8)
    for side in ('top', 'right', 'left', 'bottom')[: 3 if last else 4]:
        axis.spines[side].set_visible(False)


def _chosen(scores: np.ndarray, names: Sequence[str], with_events: Collection[str]) -> list[int]:
    """Classes to show, in their own order."""
    rank = [(names[k] in with_events, float(scores[:, k].max())) for k in range(len(names))]
    best = sorted(range(len(names)), key=lambda k: rank[k], reverse=True)
    return sorted(best[:_MOST_ROWS])


def _draw_scores(axis: Axes, column: np.ndarray, spans: tuple[np.ndarray, np.ndarray], limit: float | None) -> None:
    edges = np.concatenate([spans[0], spans[1][-1:]])
    axis.stairs(column, edges, fill=True, color=_SCORE, alpha=0.55, linewidth=0)
    axis.axhline(0, color='#444444', linewidth=0.6)
    if limit is not None and limit <= 1:
        axis.axhline(limit, color='#444444', linewidth=0.6, linestyle=(0, (1, 2)))


def _draw_events(axis: Axes, events: Sequence[Event], colour: str, middle: float) -> None:
    axis.broken_barh([(e.start, e.end - e.start) for e in events], (middle - 0.13, 0.26), color=colour)


def _label_time(axis: Axes, duration: float) -> None:
    """Ticks in seconds, minutes or hours."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    if duration < 120:
        axis.set_xlabel('seconds', fontsize=9)
        return
    axis.xaxis.set_major_locator(MaxNLocator(12, steps=[1, 1.2, 1.5, 2, 3, 6, 10]))
    hours = duration >= 3600

    def text(seconds: float, _: object) -> str:
        whole = round(seconds)
        minutes, rest = divmod(whole, 60)
        return f'{minutes // 60}:{minutes % 60:02d}:{rest:02d}' if hours else f'{minutes}:{rest:02d}'

    axis.xaxis.set_major_formatter(FuncFormatter(text))
    axis.set_xlabel('h:min:s' if hours else 'min:s', fontsize=9)


def _explain(figure: object, height: float, truth: bool, limit: bool) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    marks: list[object] = [Patch(color=_SCORE, alpha=0.55, label='score, 0 to 1')]
    if limit:
        marks.append(Line2D([], [], color='#444444', linewidth=0.8, linestyle=(0, (1, 2)), label='threshold'))
    marks.append(Patch(color=FOUND, label='found'))
    marks += [Patch(color=TRUE, label='truth')] * truth
    figure.legend(  # type: ignore[attr-defined]  # a matplotlib Figure
        handles=marks, loc='upper right', bbox_to_anchor=(0.98, 1 - 0.22 / height), ncols=4, fontsize=8, frameon=False
    )
