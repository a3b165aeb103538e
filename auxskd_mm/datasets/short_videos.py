"""Videos shorter than a clip spans. Their clips wrap, and their pace and segment labels are partly artefacts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple


class ShortVideos(NamedTuple):
    """Statistics of the lengths of a data set's videos.

    Attributes:
        short: Number of short videos, in which a clip has to wrap.
        read: Number of videos read so far.
        least: Frames of the shortest short video, 0 if there is none.
        most: Frames of the longest short video.
    """

    short: int
    read: int
    least: int
    most: int


def join(found: Iterable[ShortVideos]) -> ShortVideos:
    """Combine the statistics of several data sets or ranks."""
    parts = list(found)
    short = [part for part in parts if part.short]
    return ShortVideos(
        sum(part.short for part in parts),
        sum(part.read for part in parts),
        min((part.least for part in short), default=0),
        max((part.most for part in short), default=0),
    )


def frames_spanned(step: Any) -> int | None:
    """Fewest frames of a video in which no clip of a sampler wraps. None for a step that draws no clips.

    Args:
        step: A transform: a :class:`PretextSampler`, or MMAction2's ``SampleFrames``. The frames of a sampler with
            ``fps`` are those at this rate.
    """
    if hasattr(step, 'frames_needed'):
        return int(step.frames_needed())
    if type(step).__name__ == 'SampleFrames':
        return int((step.clip_len - 1) * step.frame_interval + 1)
    return None


def clip_sampler(steps: Sequence[Any]) -> Any:
    """The sampler of a pipeline. None if there is no sampler of a known kind."""
    return next((step for step in steps if frames_spanned(step) is not None), None)


def describe_short(found: ShortVideos, what: str, sampler: object) -> str:
    """One sentence with the counts of at least one short video, and one with the settings of the sampler to change.

    ``what`` is the kind of the videos, such as 'training'.
    """
    name = type(sampler).__name__
    settings = getattr(sampler, 'span_settings', ('clip_len', 'frame_interval'))
    now = ', '.join(f'{key}={getattr(sampler, key)}' for key in settings)
    frames = f'{found.least}' if found.least == found.most else f'{found.least} to {found.most}'
    fps = getattr(sampler, 'fps', None)
    rate = '' if fps is None else f', counted at {fps:g} frames per second'
    labels = bool(getattr(sampler, 'tasks', ()))
    harm = ', and their labels are partly artefacts' if labels else ''
    return (
        f'{found.short} of the {found.read} {what} videos read so far are shorter ({frames} frames) than the '
        f'{frames_spanned(sampler)} that a clip can span{rate}: such clips go round{harm}. Lower a setting of {name} ({now}), '
        'or leave them out: tools/data/check_videos.py --config CONFIG --good-list LIST'
    )
