"""Confusion matrices as a picture."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..files import save_figure
from .plain_text import figure_text

_MOST_NUMBERS = 20  # more classes than that leave no room for a number in a cell
_LETTERS_PER_INCH = 12  # of a title


def confusion_matrix(labels: Sequence[int], predictions: Sequence[int], classes: int) -> np.ndarray:
    """Counts int (C, C), one row per label and one column per prediction, from N labels and N predictions.

    Raises:
        InputError: If a label or prediction is not in [0, C).
    """
    table: np.ndarray = np.zeros((classes, classes), dtype=np.int64)
    odd = [one for one in (*labels, *predictions) if not 0 <= one < classes]
    if odd:
        raise InputError(f'class {max(odd)} occurs, but there are only {classes} class names (from 0 on)')
    np.add.at(table, (np.asarray(labels, dtype=int), np.asarray(predictions, dtype=int)), 1)
    return table


def draw_confusion(
    tables: Mapping[str, np.ndarray],
    names: Sequence[str] | Mapping[str, Sequence[str]],
    path: str | Path,
    chance: Mapping[str, float] | None = None,
) -> Path:
    """Draw matrices side by side and write a PNG.

    The colour is the share within a row, in a perceptually uniform colour map. The numbers are counts.

    Args:
        tables: {title: counts int (C, C)}.
        names: Names of the classes, one list for all tables, or {title: list}.
        path: PNG file.
        chance: {title: accuracy of guessing}, printed beside the accuracy of the model.

    Returns:
        The path.
    """
    from matplotlib.figure import Figure

    shared = not isinstance(names, Mapping)
    most = max(len(table) for table in tables.values())
    side = min(7.0, max(3.2, 0.42 * most + 1.4))
    figure = Figure(figsize=(side * len(tables) + 0.6, side), layout='constrained')
    axes = figure.subplots(1, len(tables), squeeze=False, sharey=shared)
    image = None
    for number, (axis, (title, table)) in enumerate(zip(axes[0], tables.items())):
        share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
        image = axis.imshow(share, cmap='cividis', vmin=0, vmax=1)
        right = np.trace(table) / max(table.sum(), 1)
        said = f'{figure_text(title)}: {100 * right:.1f}% right'
        if chance and title in chance:
            said = f'{figure_text(title)}\n{100 * right:.1f}% right, guessing {100 * chance[title]:.1f}%'
        lines = [textwrap.fill(line, int(_LETTERS_PER_INCH * side)) for line in said.splitlines()]
        axis.set_title('\n'.join(lines), fontsize=9)
        axis.set_xlabel('predicted', fontsize=9)
        own = names[title] if isinstance(names, Mapping) else names
        if len(own) <= _MOST_NUMBERS:
            ticks = [figure_text(name)[:18] for name in own]
            flat = max(map(len, ticks)) <= 6
            turned: dict = {} if flat else dict(rotation=60, ha='right', rotation_mode='anchor')
            axis.set_xticks(range(len(own)), ticks, fontsize=7, **turned)
            axis.set_yticks(range(len(own)), ticks, fontsize=7)
            for i, j in zip(*np.nonzero(table)):
                axis.text(
                    j,
                    i,
                    str(table[i, j]),
                    ha='center',
                    va='center',
                    fontsize=7,
                    color='k' if share[i, j] > 0.5 else 'w',
                )
        if number == 0 or not shared:
            axis.set_ylabel('true class', fontsize=9)
    if image is not None:
        figure.colorbar(image, ax=axes[0].tolist(), fraction=0.04, pad=0.02).set_label('share of the row', fontsize=8)
        image.colorbar.ax.tick_params(labelsize=8)
    return save_figure(figure, path, 110)
