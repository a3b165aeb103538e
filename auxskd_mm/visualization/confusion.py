"""Confusion matrices as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ..errors import InputError
from .plain_text import figure_text

_MOST_NUMBERS = 20  # more classes than that leave no room for a number in a cell


def confusion_matrix(labels: Sequence[int], predictions: Sequence[int], classes: int) -> np.ndarray:
    """Counts int (C, C), a row a label and a column a prediction.

    Raises:
        InputError: If there is a class beyond.
    """
    table: np.ndarray = np.zeros((classes, classes), dtype=np.int64)
    if len(labels) and max(*labels, *predictions) >= classes:
        raise InputError(f'class {max(*labels, *predictions)} occurs, but there are only {classes} class names')
    np.add.at(table, (np.asarray(labels, dtype=int), np.asarray(predictions, dtype=int)), 1)
    return table


def draw_confusion(tables: Mapping[str, np.ndarray], names: Sequence[str], path: str | Path) -> Path:
    """Draw matrices side by side and write a PNG.

    The colour is the share of a row, in a map that is even in brightness; the numbers are counts.

    Args:
        tables: {title: counts (C, C)}.
        names: Of the classes.
        path: PNG file.

    Returns:
        The path.
    """
    import matplotlib

    matplotlib.use('Agg')
    import matplotlib.pyplot as plt

    classes = len(names)
    side = min(7.0, max(3.2, 0.42 * classes + 1.4))
    figure, axes = plt.subplots(
        1, len(tables), figsize=(side * len(tables) + 0.6, side), squeeze=False, layout='constrained', sharey=True
    )
    image = None
    for number, (axis, (title, table)) in enumerate(zip(axes[0], tables.items())):
        share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
        image = axis.imshow(share, cmap='cividis', vmin=0, vmax=1)
        right = np.trace(table) / max(table.sum(), 1)
        axis.set_title(f'{figure_text(title)}: {100 * right:.1f}% right', fontsize=9)
        axis.set_xlabel('predicted', fontsize=9)
        if classes <= _MOST_NUMBERS:
            ticks = [figure_text(name)[:18] for name in names]
            axis.set_xticks(range(classes), ticks, rotation=60, ha='right', rotation_mode='anchor', fontsize=7)
            axis.set_yticks(range(classes), ticks, fontsize=7)
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
        if number == 0:
            axis.set_ylabel('true class', fontsize=9)
    if image is not None:
        figure.colorbar(image, ax=axes[0].tolist(), fraction=0.04, pad=0.02).set_label('share of the row', fontsize=8)
        image.colorbar.ax.tick_params(labelsize=8)
    return _save(figure, path)


def _save(figure: object, path: str | Path) -> Path:
    import matplotlib.pyplot as plt

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)  # type: ignore[attr-defined]
    plt.close(figure)  # type: ignore[arg-type]
    return path
