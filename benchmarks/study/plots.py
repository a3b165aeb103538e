"""The study's pictures."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use('Agg')

import matplotlib.pyplot as plt
from designs import ABLATIONS, METHODS, SCHEDULES
from results import Results
from tables import FEW, difference

from auxskd_mm.recipes.tables.intervals import interval

LABELS = ['1', '5', '20', 'all']


def few_labels(results: Results, out: Path) -> Path:
    """Accuracy by labels per class: one row of panels per measure, one column per method, alone and after auxSKD."""
    measures = (
        ('k-NN', 'frozen', 'knn/{}'),
        ('linear probe', 'frozen', 'linear/{}'),
        ('fine-tuned', 'finetune{}', 'acc/top1'),
    )
    figure, axes = plt.subplots(3, 4, figsize=(11, 7), sharex=True, sharey='row', layout='constrained')
    for axis, title in zip(axes[0], METHODS.values()):
        axis.set_title(title)
    for axis in axes[-1]:
        axis.set(xlabel='labelled clips per class', xticks=range(len(FEW)), xticklabels=LABELS)
    for row, (measure, step, key) in zip(axes, measures):
        for axis, method in zip(row, METHODS):
            ways = (
                ('scratch', 'random weights', '#999999', 's'),
                (method, 'the method alone', '#0072B2', 'o'),
                (f'auxskd_{method}', 'auxSKD, then the method', '#D55E00', '^'),
            )
            for shift, (own, label, colour, marker) in zip((0, -0.08, 0.08), ways):
                values = [results.values('motion', own, step.format(n), key.format(n)).values() for n in FEW]
                found = [interval(list(value)) for value in values]
                places = [place + shift for place, cell in enumerate(found) if cell.count]
                means = [100 * cell.mean for cell in found if cell.count]
                halves = [100 * cell.half for cell in found if cell.count]
                axis.errorbar(places, means, halves, marker=marker, ms=5, lw=1.6, capsize=3, label=label, color=colour)
            axis.axhline(10, color='#cccccc', lw=1, zorder=0)
            axis.spines[['top', 'right']].set_visible(False)
        row[0].set_ylabel(f'{measure}, %')
    figure.legend(*axes[0][0].get_legend_handles_labels(), loc='outside upper center', ncols=3, frameon=False)
    return save(figure, out / 'study_few_labels.png')


def effects(results: Results, out: Path) -> Path:
    """Every paired difference in k-NN accuracy, with its interval."""
    base = ('motion', 'auxskd_vspp')
    groups = [
        ('auxSKD before', [(title, difference(results, 'motion', f'auxskd_{m}', ('motion', m), 'frozen', 'knn/0'))
                           for m, title in METHODS.items()]),
        ('one change to auxSKD, then VSPP', [(title, difference(results, 'ablation', row, base, 'frozen', 'knn/0'))
                                             for row, (title, *_) in ABLATIONS.items()]),
        ('its auxiliary phase', [(title, difference(results, 'schedule', row, base, 'frozen', 'knn/0'))
                                 for row, (title, *_) in SCHEDULES.items()]),
    ]  # fmt: skip
    lines = [(group, title, cell) for group, rows in groups for title, cell in rows if cell.count]
    figure, axis = plt.subplots(figsize=(9, 0.32 * len(lines) + 1.2), layout='constrained')
    colours = dict(zip((name for name, _ in groups), ('#0072B2', '#D55E00', '#009E73')))
    seen = set()
    for place, (group, _, cell) in enumerate(lines):
        axis.errorbar(100 * cell.mean, -place, xerr=100 * cell.half, fmt='o', color=colours[group], capsize=3,
                      label=None if group in seen else group)  # fmt: skip
        seen.add(group)
    axis.axvline(0, color='#888888', lw=1)
    axis.set_yticks([-place for place in range(len(lines))], [title for _, title, _ in lines])
    axis.set_xlabel('change in k-NN accuracy, points (95% interval over seeds)')
    figure.legend(loc='outside upper center', ncols=3, frameon=False)
    axis.spines[['top', 'right']].set_visible(False)
    return save(figure, out / 'study_effects.png')


def save(figure: plt.Figure, path: Path) -> Path:
    """Write a picture."""
    figure.savefig(path, dpi=110, metadata={'Software': None})
    plt.close(figure)
    return path
