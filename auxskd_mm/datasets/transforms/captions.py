"""What a sampler drew for one video: which frames make a clip, which of them are paced, and that in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...functional.clip_indices import segment_window
from . import ClipOrderSample, PaceSample, RelativeSpeedSample, SegmentPaceSample

_NTH = ('1st', '2nd', '3rd', '4th', '5th')


class ShownClip(NamedTuple):
    """A clip as the model takes it.

    Attributes:
        view: Which view of the sample it is taken from.
        positions: Its frames among those of the view, int64 (T,).
        paced: Which of them are not at the video's own pace, bool (T,).
        caption: Speed, order, segment ... as a person would say it.
    """

    view: int
    positions: np.ndarray
    paced: np.ndarray
    caption: str


def shown_clips(steps: Sequence[Any], results: Mapping[str, Any], views: int, length: int) -> list[ShownClip]:
    """The clips of a sample that has gone through a pipeline.

    Args:
        steps: The transforms of the pipeline, among them the sampler; one of MMAction2's gives plain captions.
        results: The sample with ``frame_inds`` and the sampler's labels.
        views: Views V of the sample.
        length: Frames of a view.
    """
    for step in steps:
        for kind, words in _WORDS.items():
            if isinstance(step, kind):
                return words(step, results, length)
    every = int(results.get('frame_interval', 1))
    tail = '' if every == 1 else f', one frame in {every}'
    return [_clip(view, length, False, f'clip {view + 1} of {views}{tail}') for view in range(views)]


def _clip(view: int, length: int, paced: bool | np.ndarray, caption: str) -> ShownClip:
    return ShownClip(view, np.arange(length), np.broadcast_to(np.asarray(paced), (length,)), caption)


def _segment_pace(sampler: Any, results: Mapping[str, Any], length: int) -> list[ShownClip]:
    clips = []
    for view, (pace, segment) in enumerate(zip(results['pace_label'], results['segment_label'])):
        speed = sampler.speeds[int(pace)]
        first, last = segment_window(sampler.clip_len, sampler.num_segments, int(segment))
        within = np.arange(length)
        paced = (within >= first) & (within <= last) & (speed > 1)
        who = '' if sampler.num_views == 1 else ('student view: ', 'teacher view: ')[view]
        caption = f'{who}speed {speed}x, segment {int(segment) + 1} of {sampler.num_segments}'
        clips.append(_clip(view, length, paced, caption))
    return clips


def _pace(sampler: Any, results: Mapping[str, Any], length: int) -> list[ShownClip]:
    clips = []
    for view, label in enumerate(results['pace_label']):
        pace = sampler.paces[int(label)]
        who = '' if sampler.num_views == 1 else f'view {view + 1} of {sampler.num_views}: '
        clips.append(_clip(view, length, pace != 1, f'{who}pace {pace:g}x'))
    return clips


def _clip_order(sampler: Any, results: Mapping[str, Any], length: int) -> list[ShownClip]:
    label = int(results['order_label'][0])
    order = sampler.orders[label].tolist()
    tail = f'order {"-".join(map(str, order))}, label {label}'
    return [_clip(i, length, False, f'shown {_NTH[i]}: clip {n} in time ({tail})') for i, n in enumerate(order)]


def _relative_speed(sampler: Any, results: Mapping[str, Any], length: int) -> list[ShownClip]:
    """Both speeds of each view, as :meth:`RSPNet.clips` takes them."""
    clips = []
    for view in range(sampler.num_views):
        who = ('query view', 'key view')[view] if sampler.num_views == 2 else f'view {view + 1}'
        for speed in dict.fromkeys((1, sampler.max_speed)):
            positions = np.arange(length // sampler.max_speed) * speed
            paced = np.full(len(positions), speed != 1)
            clips.append(ShownClip(view, positions, paced, f'{who} at speed {speed}x'))
    return clips


_WORDS = {
    SegmentPaceSample: _segment_pace,
    PaceSample: _pace,
    ClipOrderSample: _clip_order,
    RelativeSpeedSample: _relative_speed,
}
