"""The picture of the warm-start tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib

matplotlib.use('Agg')

import matplotlib.pyplot as plt

from auxskd_mm.recipes.tables.intervals import paired

PROBE = 'linear probe, all'


class Pair(NamedTuple):
    """A row, the row of the same network that was not pretrained, and the column that fine-tunes both alike."""

    row: str
    base: str
    finetuned: str = 'fine-tuned, all'


def gains(numbers: Mapping[str, Any], sets: Mapping[str, str], pairs: Sequence[Pair], path: Path) -> Path:
    """Draw the paired differences of all pairs with their 95% intervals: a panel per set, a line per pair.

    Args:
        numbers: The numbers of all sets, as in docs/warm_start_results.json.
        sets: Title of the panel of each set, from left to right.
        pairs: Lines from top to bottom.
        path: Picture to write.
    """
    tables = {name: numbers[name] for name in sets if name in numbers}
    titles = {row: title for table in tables.values() for row, title in table['rows'].items()}
    figure, axes = plt.subplots(
        1,
        len(tables),
        figsize=(12, 0.36 * len(pairs) + 1.5),
        sharex=True,
        sharey=True,
        layout='constrained',
        squeeze=False,
    )
    for axis, (name, table) in zip(axes[0], tables.items()):
        values = {(cell['row'], cell['column']): cell['values'] for cell in table['cells']}
        for shift, label, colour, marker in (
            (-0.16, 'linear probe', '#0072B2', 'o'),
            (0.16, 'fine-tuned', '#D55E00', 'D'),
        ):
            found = {}
            for place, pair in enumerate(pairs):
                column = PROBE if label == 'linear probe' else pair.finetuned
                own, base = values.get((pair.row, column)), values.get((pair.base, column))
                if own and base:
                    found[place + shift] = paired(own, base)
            means, halves = ([100 * getattr(cell, part) for cell in found.values()] for part in ('mean', 'half'))
            look = dict(fmt=marker, ms=5, lw=1.5, capsize=2.5, color=colour, label=label)
            axis.errorbar(means, list(found), xerr=halves, **look)
        axis.axvline(0, color='#888888', lw=1, zorder=0)
        axis.set_title(sets[name], fontsize=10)
        axis.grid(axis='y', color='#eeeeee', zorder=0)
        axis.set_axisbelow(True)
        axis.spines[['top', 'right']].set_visible(False)
    axes[0][0].set_yticks(range(len(pairs)), [titles.get(pair.row, pair.row) for pair in pairs])
    axes[0][0].invert_yaxis()
    figure.supxlabel(
        'points gained over the same network that was not pretrained (95% interval over five runs)', fontsize=10
    )
    figure.legend(*axes[0][0].get_legend_handles_labels(), loc='outside upper center', ncols=3, frameon=False)
    figure.savefig(path, dpi=110, metadata={'Software': None})
    plt.close(figure)
    return path
