"""The sets of real clips: what each kind of row reaches, and what tools/own_videos.py says of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from plots import save

from auxskd_mm.recipes.tables.intervals import Interval
from auxskd_mm.recipes.tables.table import markdown

NUMBERS = 'own_videos_results.json'
# Kinds of rows: title, whether it starts from a pretraining, is fine-tuned, and sees one still frame; colour and marker.
KINDS = {
    'still': ('one still frame, probe', False, False, True, '#999999', 's'),
    'frozen': ('public weights, probe', False, False, False, '#0072B2', 'o'),
    'tuned': ('fine-tuned', False, True, False, '#56B4E9', 'D'),
    'pretrained': ('pretrained, probe', True, False, False, '#D55E00', 'o'),
    'pretrained_tuned': ('pretrained, fine-tuned', True, True, False, '#E69F00', 'D'),
}


def load(docs: Path) -> dict[str, Any]:
    """The numbers of benchmarks/own_videos.py."""
    return dict(json.loads((docs / NUMBERS).read_text(encoding='utf-8')))


def row_of(one: Mapping[str, Any], kind: str) -> tuple[str, Mapping[str, Any]] | None:
    """Row of a kind that is best on the clips to choose by; None if none was run."""
    _, pretrained, trains, still, *_ = KINDS[kind]
    rows = [
        (name, row)
        for name, row in one['rows'].items()
        if (row['phase'] is not None, row['trains'], row['still']) == (pretrained, trains, still)
    ]
    return max(rows, key=lambda found: found[1]['choice'], default=None)


def table(sets: Mapping[str, Any]) -> str:
    """A line per set."""
    lines = []
    for name, one in sets.items():
        cells = []
        for kind in KINDS:
            found = row_of(one, kind)
            text = '-' if found is None else Interval(**found[1]['interval']).text()
            text = f'**{text}**' if found is not None and found[0] == one['chosen'] else text
            cells.append(text if found is None or found[1]['learned'] else f'{text} (not learned)')
        chosen = one['rows'][one['chosen']]
        verdict = (
            'nothing can be learned'
            if one['learnable'] == 'no'
            else 'pretrain'
            if chosen['phase']
            else 'do not pretrain'
        )
        expected = Interval(**one['expected']).text()
        numbers = [f'{100 * one["constant"]:.1f}', *cells, verdict, expected, f'{100 * one["regret"]:.1f}']
        lines.append([name, f'{one["minutes"]:g}', *numbers])
    titles = [title for title, *_ in KINDS.values()]
    return markdown(['set', 'minutes', 'most frequent class', *titles, 'verdict', 'expect', 'regret'], lines)


def plot(numbers: Mapping[str, Any], out: Path) -> Path:
    """The same as a picture; a ring marks the row that the verdict names."""
    figure, axis = plt.subplots(figsize=(10, 4.2), layout='constrained')
    for place, (kind, (title, *_, colour, marker)) in enumerate(KINDS.items()):
        shift = 0.14 * (place - (len(KINDS) - 1) / 2)
        found = [(i, row_of(one, kind)) for i, one in enumerate(numbers.values())]
        there = [(i + shift, Interval(**row[1]['interval'])) for i, row in found if row is not None]
        axis.errorbar(
            [x for x, _ in there],
            [100 * cell.mean for _, cell in there],
            [100 * cell.half for _, cell in there],
            fmt=marker,
            ms=6,
            lw=1.4,
            capsize=3,
            color=colour,
            label=title,
        )
        for i, row in found:
            if row is not None and row[0] == list(numbers.values())[i]['chosen']:
                axis.plot(i + shift, 100 * row[1]['interval']['mean'], 'o', ms=14, mfc='none', mec='#222222', mew=1.6)
    for i, one in enumerate(numbers.values()):
        axis.hlines(100 * one['constant'], i - 0.4, i + 0.4, color='#444444', lw=1, ls=':')
    axis.plot([], [], 'o', ms=11, mfc='none', mec='#222222', label='named by the verdict')
    axis.plot([], [], color='#444444', lw=1, ls=':', label='most frequent class')
    axis.set_xticks(range(len(numbers)), [name.replace('_', ' ') for name in numbers])
    axis.set(ylabel='accuracy on new groups, %', ylim=(0, None))
    axis.spines[['top', 'right']].set_visible(False)
    figure.legend(loc='outside upper center', ncols=4, frameon=False)
    return save(figure, out / 'study_sets.png')
