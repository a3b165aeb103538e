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
            return [_with_seconds(clip, results, length) for clip in step.shown_clips(results, views, length)]
    every = int(results.get('frame_interval', 1))
    tail = '' if every == 1 else f', one frame in {every}'
    plain = [
        ShownClip(view, np.arange(length), np.zeros(length, dtype=bool), f'clip {view + 1} of {views}{tail}')
        for view in range(views)
    ]
    return [_with_seconds(clip, results, length) for clip in plain]


def _with_seconds(clip: ShownClip, results: Mapping[str, Any], length: int) -> ShownClip:
    """The clip with the times of its first and last frame in the caption, if a sampler with ``fps`` wrote them."""
    if 'frame_seconds' not in results:
        return clip
    seconds = np.asarray(results['frame_seconds']).reshape(-1, length)
    own = seconds[clip.view % len(seconds)][clip.positions]
    return clip._replace(caption=f'{clip.caption}, from {own[0]:.2f} s to {own[-1]:.2f} s')


def of_views(values: Any, views: int, length: int) -> np.ndarray:
    """Values of the sampled frames, such as their numbers, for each of V views: (V, T).

    Several crops of a clip follow each other as whole rounds of all clips, and show the same frames.

    Args:
        values: One for each sampled frame, in any shape.
        views: Views V of the sample.
        length: Frames T per view.
    """
    return np.resize(np.asarray(values).reshape(-1), (views, length))


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
