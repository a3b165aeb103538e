"""Training curves from the scalars that MMEngine writes."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import InputError
from ..files import save_figure
from ..records.scalars import read_scalars
from .plain_text import figure_text

# Okabe-Ito palette.
COLOURS = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000')
STYLES = ('-', '--', ':', '-.')


def plot_curves(
    runs: Mapping[str, str | Path],
    panels: Sequence[Sequence[str]],
    path: str | Path,
    chance: dict[str, float] | None = None,
    title: str | None = None,
) -> Path:
    """Plot scalars of one or several runs, with one panel per group of names, and write a PNG.

    Args:
        runs: {legend name: work dir}.
        panels: Groups of names, for instance ``[['loss'], ['pace_acc', 'segment_acc']]``. Names that no run has are
            left out. ``'*_acc'`` and other patterns stand for all names that fit.
        path: PNG file to write.
        chance: {name: level} drawn as a thin horizontal line.
        title: Line above the panels.

    Raises:
        InputError: If a work dir has no run, or no run has any of the names.
    """
    from matplotlib.figure import Figure

    data = {name: read_scalars(run) for name, run in runs.items()}
    names = list(dict.fromkeys(key for scalars in data.values() for key in scalars))
    present = [list(dict.fromkeys(key for part in panel for key in fnmatch.filter(names, part))) for panel in panels]
    present = [panel for panel in present if panel]
    if not present:
        if not names:
            raise InputError(f'{", ".join(map(str, runs.values()))}: no scalars in it; give work dirs of training runs')
        raise InputError(
            f'none of the runs logged {[key for panel in panels for key in panel]}; they have {sorted(names)}'
        )
    figure = Figure(figsize=(5.2 * len(present), 3.6), layout='constrained')
    axes = figure.subplots(1, len(present), squeeze=False)
    if title:
        figure.suptitle(figure_text(title), wrap=True)
    for axis, panel in zip(axes[0], present):
        for i, key in enumerate(panel):
            for run, (name, scalars) in enumerate(data.items()):
                # Runs differ in style; in colour too, where it does not tell the scalars apart.
                colour = COLOURS[(run if len(panel) == 1 else i) % len(COLOURS)]
                style = STYLES[run % len(STYLES)]
                if key in scalars:
                    label = figure_text(key if len(data) == 1 else f'{key}, {name}')
                    marker = 'o' if len(scalars[key][0]) < 3 else None  # a line needs two points to be seen
                    axis.plot(*scalars[key], color=colour, linestyle=style, linewidth=1.6, marker=marker, label=label)
            if chance and key in chance:
                grey = '#666666' if len(panel) == 1 else COLOURS[i % len(COLOURS)]
                axis.axhline(
                    chance[key], color=grey, linewidth=0.8, linestyle=(0, (1, 3)), label=figure_text(f'{key} by chance')
                )
        if all(key.endswith('_acc') for key in panel):
            axis.set_ylim(0, 1.03)
            axis.set_ylabel('accuracy')
        else:
            axis.set_ylabel(figure_text(', '.join(panel)))
        axis.set_xlabel('training step')
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8, frameon=False)
        for side in ('top', 'right'):
            axis.spines[side].set_visible(False)
    return save_figure(figure, path, 110)
