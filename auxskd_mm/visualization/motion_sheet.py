"""A picture of MotionClips: one clip per class as a row of frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..datasets.class_labels import CLASS_FILE, read_class_names
from ..datasets.list_formats import read_list
from ..datasets.readers import open_reader
from ..functional.pixels import as_pictures
from .clip_sheet import SheetClip, draw_clip_sheet


def draw_motion_sheet(
    folder: str | Path, path: str | Path, *, split: str = 'train', columns: int = 14, step: int = 3
) -> Path:
    """Draw the first clip of each class of a labelled set and write a PNG.

    Args:
        folder: Set with ``classes.txt`` and a ``path label`` list for the split, as
            :func:`auxskd_mm.datasets.motion_clips.make_motion_clips` writes it.
        path: PNG file to write. Its folder is created.
        split: Name of the list.
        columns: Largest number of frames per clip.
        step: Distance between shown frames.

    Returns:
        The path.

    Raises:
        InputError: If the list is missing or empty, or there is no ``classes.txt``.
    """
    folder = Path(folder)
    entries, _ = read_list(str(folder / f'{split}.txt'), list_format='path label')
    names = read_class_names(folder / CLASS_FILE)
    first = {entry.label: entry.name for entry in reversed(entries)}
    rows = []
    for label, name in enumerate(names):
        if label not in first:
            continue
        reader = open_reader(str(folder / first[label]))
        numbers = list(range(0, reader.num_frames, step))[:columns]
        rows.append(SheetClip(as_pictures(np.stack(reader.read(numbers))), numbers, [False] * len(numbers), name))
        reader.close()
    return draw_clip_sheet(rows, path, f'{folder.name}, {split}: one clip of each class, frame numbers below')
