"""The clips of a sample for pictures: frame indices, paced positions and captions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np


class ShownClip(NamedTuple):
    """A clip as the model takes it.

    Attributes:
        view: Index of its view in the sample.
        positions: Positions of its frames in the view, int64 (T,).
        paced: Frames that do not play at the video's own pace, bool (T,).
        caption: Speed, order, segment ... in words.
    """

    view: int
    positions: np.ndarray
    paced: np.ndarray
    caption: str


def shown_clips(steps: Sequence[Any], results: Mapping[str, Any], views: int, length: int) -> list[ShownClip]:
    """The clips of a sample that has gone through a pipeline.

    Args:
        steps: The transforms of the pipeline, including the sampler. A sampler of MMAction2 gives plain captions.
        results: The sample with ``frame_inds`` and the sampler's labels. Without the labels captions are plain.
        views: Views V of the sample.
        length: Frames per view.
    """
    for step in steps:
        if hasattr(step, 'shown_clips') and all(task.label_key in results for task in step.tasks):
            return step.shown_clips(results, views, length)
    every = int(results.get('frame_interval', 1))
    tail = '' if every == 1 else f', one frame in {every}'
    return [
        ShownClip(view, np.arange(length), np.zeros(length, dtype=bool), f'clip {view + 1} of {views}{tail}')
        for view in range(views)
    ]


GOES_ROUND = ', goes round '


def wrap_note(numbers: np.ndarray) -> str:
    """A note on how often a clip jumps back in its video, '' if it does not.

    A clip that is longer than its video wraps. Its pace and segment labels are then partly artefacts.

    Args:
        numbers: Frame numbers int (T,). A clip that plays backwards throughout does not jump.
    """
    steps = np.diff(numbers)
    jumps = min(int((steps < 0).sum()), int((steps > 0).sum()))
    return f'{GOES_ROUND}{jumps} time{"s" if jumps > 1 else ""}' if jumps else ''
