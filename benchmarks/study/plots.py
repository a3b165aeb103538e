"""The study's pictures."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use('Agg')

import matplotlib.pyplot as plt
from designs import ABLATIONS, METHODS, SCHEDULES
from results import Results
from statistics_of import interval
from tables import FEW, difference

# Okabe and Ito's colours, told apart by colour-blind readers.
COLOURS = dict(scratch='#999999', auxskd='#000000', vspp='#E69F00', pace='#56B4E9', vcop='#009E73', rspnet='#CC79A7')
PLACES = dict(zip(FEW, range(len(FEW))))
LABELS = ['1', '5', '20', 'all']


def few_labels(results: Results, out: Path) -> Path:
    """Accuracy by labels a class, each method alone (dashed) and after auxSKD (solid)."""
    panels = (
        ('k-NN', 'frozen', 'knn/{}'),
        ('linear probe', 'frozen', 'linear/{}'),
        ('fine-tuned', 'finetune{}', 'acc/top1'),
    )
    figure, axes = plt.subplots(1, 3, figsize=(12, 4.2), sharey=True, layout='constrained')
    for axis, (title, step, key) in zip(axes, panels):
        for row, name in (('scratch', 'random weights'), ('auxskd', 'auxSKD alone'), *METHODS.items()):
            ways = [(row, '--', name)] if row in ('scratch', 'auxskd') else [
                (row, '--', name), (f'auxskd_{row}', '-', f'auxSKD, then {name}')]  # fmt: skip
            for own, style, label in ways:
                found = [
                    interval(list(results.values('motion', own, step.format(n), key.format(n)).values())) for n in FEW
                ]
                places = [PLACES[n] for n, cell in zip(FEW, found) if cell.count]
                means = [100 * cell.mean for cell in found if cell.count]
                halves = [100 * cell.half for cell in found if cell.count]
                axis.errorbar(places, means, halves, fmt=style, marker='o', ms=4, lw=1.6, capsize=2, label=label,
                              color=COLOURS[row])  # fmt: skip
        axis.axhline(10, color='#bbbbbb', lw=1)
        axis.set(title=title, xlabel='labelled clips a class', xticks=list(PLACES.values()), xticklabels=LABELS)
        axis.spines[['top', 'right']].set_visible(False)
    axes[0].set_ylabel('accuracy, % (grey line: chance)')
    figure.legend(*axes[0].get_legend_handles_labels(), loc='outside right center', frameon=False, fontsize=9)
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
    axis.set_xlabel('difference in k-NN accuracy on MotionClips, points (95% interval over seeds)')
    axis.legend(frameon=False, loc='upper left', bbox_to_anchor=(1, 1))
    axis.spines[['top', 'right']].set_visible(False)
    return save(figure, out / 'study_effects.png')


def save(figure: plt.Figure, path: Path) -> Path:
    """Write a picture."""
    figure.savefig(path, dpi=110, metadata={'Software': None})
    plt.close(figure)
    return path
