"""Sheets of clips: what a model sees, with the paced segment framed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

# Blue and vermilion of the Okabe-Ito palette, told apart by every kind of colour vision.
PACED, PLAIN = '#D55E00', '#999999'


class SheetClip(NamedTuple):
    """One row of a sheet: frames uint8 (T, H, W, 3) RGB, their numbers in the video, which are paced, and a caption."""

    frames: np.ndarray
    numbers: Sequence[int]
    paced: Sequence[bool]
    caption: str


def draw_clip_sheet(clips: Sequence[SheetClip], path: str | Path, title: str = '') -> Path:
    """Draw clips as rows of frames and write a PNG.

    Every frame carries its number in the video; paced ones have a thick frame and a bold number, so the sheet also
    reads in grey.

    Args:
        clips: Rows, all of one clip length.
        path: PNG file to write; its folder is made.
        title: Line above the sheet.

    Returns:
        The path.
    """
    import matplotlib

    matplotlib.use('Agg')
    import matplotlib.pyplot as plt

    rows, columns = len(clips), max(len(clip.frames) for clip in clips)
    height, width = clips[0].frames.shape[1:3]
    # Inches: a cell's width and height, the caption and frame numbers between rows, the title above.
    cell, picture, gap, head = 0.95, 0.95 * height / width, 0.5, 0.75
    size = (columns * cell + 0.2, rows * (picture + gap) + head)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=size,
        squeeze=False,
        gridspec_kw=dict(
            left=0.1 / size[0],
            right=1 - 0.1 / size[0],
            bottom=0.25 / size[1],
            top=1 - head / size[1],
            wspace=0.05,
            hspace=gap / picture,
        ),
    )
    for row, clip in zip(axes, clips):
        for column, axis in enumerate(row):
            axis.set_xticks([])
            axis.set_yticks([])
            if column >= len(clip.frames):
                axis.axis('off')
                continue
            axis.imshow(clip.frames[column], interpolation='nearest')
            paced = bool(clip.paced[column])
            for spine in axis.spines.values():
                spine.set(color=PACED if paced else PLAIN, linewidth=3 if paced else 0.8)
            axis.set_xlabel(str(clip.numbers[column]), fontsize=8, labelpad=2, weight='bold' if paced else 'normal')
        row[0].set_title(clip.caption, fontsize=9, loc='left', pad=3)
    figure.suptitle(title or 'frame numbers below; thick frame = sped-up segment', fontsize=10, y=1 - 0.2 / size[1])
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    plt.close(figure)
    return path
