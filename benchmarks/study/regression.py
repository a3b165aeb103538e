"""The small run that tells in minutes whether learning still works: auxSKD, then VSPP on whole clips, against random weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cells import Cell
from data import motion_stores
from designs import WHOLE, chain, frozen, motion

FOLDER = 'regression'  # below the study's
TRAIN, TEST = 100, 80  # clips per class
STEPS = (60, 360)
# Share of k-NN accuracy by which the chain must beat random weights: above three standard deviations of the difference of two
# random networks (1.24 points over seeds 0 to 4), below every gain on record (6.6 to 12.9 points). Tests hold it to both.
MARGIN = 0.04


def regression_cells(root: Path, seed: int) -> list[Cell]:
    """Cells of one seed, VSPP with one segment (the demo's first step); makes the clips in ``root`` if they are missing."""
    motion_stores(root, TRAIN, TEST, coarse_test=False)
    clips = replace(motion(root, seed), key='regression')
    cells = [*chain(clips, 'chain', 'vspp', seed, primary=WHOLE, steps=STEPS), frozen(clips, 'scratch', seed, None)]
    two = {'num_clips': 2}
    # Its table and its test compare k-NN with all labels.
    return [
        replace(cell, options={**cell.options, **two}, labels={0: cell.labels[0]}) if cell.labels else cell
        for cell in cells
    ]
