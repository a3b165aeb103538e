"""The frame rates of a set of videos, and the ``fps`` at which samplers should draw clips from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

import numpy as np

from ...errors import InputError, VideoReadError
from ...functional import evenly_spread
from ...functional.frame_times import are_even
from ..readers import Reader, open_reader

# Rates that differ by less are one rate: 29.97 and 30, or 23.976 and 24.
_SAME_RATE = 0.02
# Share of the videos that have at least the proposed rate. A few slow ones then repeat frames.
_SLOW_SHARE = 0.05
_MOST_NAMED = 6  # rates in the line to print


class FrameRate(NamedTuple):
    """Frame rate of a video.

    Attributes:
        fps: Average frames per second, None if unknown.
        varies: Whether the distance of the frames varies.
    """

    fps: float | None
    varies: bool


class RateSpread(NamedTuple):
    """Frame rates of many videos.

    Attributes:
        rates: Rates and numbers of their videos, ascending. Rates within 2 % are one.
        varying: Number of videos in which the distance of the frames varies.
        unknown: Number of videos without a rate.
        proposed: ``fps`` for the samplers. None if counting frames does no harm.
    """

    rates: list[tuple[float, int]]
    varying: int
    unknown: int
    proposed: float | None


def frame_rate(reader: Reader) -> FrameRate:
    """Rate of an opened video, from its time stamps. A store of an older version keeps none; its videos count as even."""
    times = None
    with suppress(InputError):  # of such a store
        times = reader.times()
    return FrameRate(reader.fps, times is not None and not are_even(times))


def read_frame_rates(paths: Sequence[str], most: int) -> list[FrameRate]:
    """Rates of at most ``most`` videos, evenly spread over the list. Nothing is decoded. Unreadable videos are left out."""
    rates = []
    for i in evenly_spread(len(paths), most):
        with suppress(VideoReadError), open_reader(paths[i]) as reader:
            rates.append(frame_rate(reader))
    return rates


def spread_of(rates: Iterable[FrameRate]) -> RateSpread:
    """Spread of the rates of many videos.

    A rate is proposed where frames stand for different times: if there are several rates, or a rate varies. It is the
    rate that 95 % of the videos have at least, as a whole number where it is one within 2 %.
    """
    rates = list(rates)
    known = sorted(rate.fps for rate in rates if rate.fps)
    groups: list[list[float]] = []
    for fps in known:
        if groups and fps <= groups[-1][0] * (1 + _SAME_RATE):
            groups[-1].append(fps)
        else:
            groups.append([fps])
    varying = sum(rate.varies for rate in rates)
    proposed = None
    if groups and (len(groups) > 1 or varying):
        low = known[int(_SLOW_SHARE * len(known))]
        whole = round(low)
        proposed = float(whole) if abs(whole / low - 1) <= _SAME_RATE else round(low, 2) or low
    return RateSpread(
        [(float(np.median(group)), len(group)) for group in groups], varying, len(rates) - len(known), proposed
    )


def describe_rates(spread: RateSpread) -> list[str]:
    """Lines to print: the spread, and a warning where counting frames mixes paces."""
    named = [f'{count} at {fps:.4g}' for fps, count in spread.rates]
    if len(named) > _MOST_NAMED:
        common = sorted(spread.rates, key=lambda rate: -rate[1])[: _MOST_NAMED - 2]
        others = [rate for rate in spread.rates if rate not in common]
        left = sum(count for _, count in others)
        ends = f'{left} at others from {others[0][0]:.4g} to {others[-1][0]:.4g}'
        named = [*(f'{count} at {fps:.4g}' for fps, count in sorted(common)), ends]
    named += [f'{spread.unknown} unknown'] * bool(spread.unknown)
    lines = ['frames per second: ' + ', '.join(named)] if named else []
    if spread.varying:
        lines.append(f'the distance of the frames varies in {spread.varying} videos')
    if spread.proposed is not None:
        lowest, highest = spread.rates[0][0], spread.rates[-1][0]
        why = f'the same speed differs by {highest / lowest:.3g} times between videos' if highest > lowest else ''
        why = why or 'a speed is not constant within a video'
        lines.append(
            f'warning: if frames are counted, {why}; set fps={spread.proposed:g} of the samplers '
            f'(--cfg-options fps={spread.proposed:g} with configs/examples, sample.fps={spread.proposed:g} with other pretrainings)'
        )
        if spread.unknown:
            lines.append('sources without a frame rate, such as frame folders, also need source_fps of OpenVideo')
    return lines
