"""What black and white are in a set of videos with other pixels than 8-bit colours, by percentiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...errors import InputError
from ...functional import evenly_spread
from ...functional.pixels import PixelKind
from ..readers import open_reader

# Shares of the values that lie below black and above white: hot and dead pixels.
_PERCENTILES = (0.1, 99.9)
_FRAMES, _PIXELS = 8, 4096


class MeasuredValues(NamedTuple):
    """Values of the videos of one kind.

    Attributes:
        kind: Type and channels.
        videos: Number of videos that were looked at.
        least: Smallest value that was seen.
        most: Largest value that was seen.
        ranges: (black, white) of each channel, the 0.1th and the 99.9th percentile.
    """

    kind: PixelKind
    videos: int
    least: float
    most: float
    ranges: tuple[tuple[float, float], ...]

    @property
    def value_range(self) -> tuple:
        """The setting: one pair for one channel, else a pair for each."""
        return self.ranges[0] if len(self.ranges) == 1 else self.ranges


def measure_values(paths: Sequence[str], most: int = 200) -> list[MeasuredValues]:
    """Percentiles of the values, from evenly spread pixels of evenly spread frames of evenly spread videos.

    Args:
        paths: Stacks and frame folders. Unreadable ones are left out.
        most: Largest number of videos to read.

    Returns:
        One entry for each kind of pixels, the most frequent first.
    """
    pools: dict[PixelKind, list[np.ndarray]] = {}
    counts: dict[PixelKind, int] = {}
    for i in evenly_spread(len(paths), most):
        try:
            values = _values(paths[i])
        except (InputError, OSError):
            continue
        kind = PixelKind.of(values)
        pools.setdefault(kind, []).append(values)
        counts[kind] = counts.get(kind, 0) + 1
    return [
        _measured(kind, counts[kind], np.concatenate(pools[kind])) for kind in sorted(counts, key=lambda k: -counts[k])
    ]


def describe_values(found: Sequence[MeasuredValues]) -> list[str]:
    """Lines to print: for each kind of pixels the setting ``value_range``, and a warning where kinds differ."""
    lines = []
    for one in found:
        setting = str(one.value_range).replace(' ', '')
        channels = f'channels={len(one.ranges)} ' if len(one.ranges) > 1 else ''  # the example has one
        lines.append(
            f'values: {one.videos} videos looked at have {one.kind} from {one.least:g} to {one.most:g}; by the percentiles '
            f'{_PERCENTILES[0]} and {_PERCENTILES[1]} set value_range={setting} (--cfg-options {channels}"value_range={setting}" '
            'with configs/examples/vspp_16bit_small.py)'
        )
    if len(found) > 1:
        lines.append(
            'warning: the videos have pixels of several kinds, and one value_range fits one kind; make a list for each'
        )
    return lines


def _values(path: str) -> np.ndarray:
    """Values (N, C) of a video."""
    with open_reader(path) as reader:
        frames = [reader.read([number])[0] for number in evenly_spread(reader.num_frames, _FRAMES)]
    step = max(1, int(np.sqrt(frames[0].shape[0] * frames[0].shape[1] / _PIXELS)))
    return np.concatenate([frame[::step, ::step].reshape(-1, frame.shape[2]) for frame in frames])


def _measured(kind: PixelKind, videos: int, values: np.ndarray) -> MeasuredValues:
    whole = values.dtype.kind in 'iu'
    ranges = []
    for low, high in np.percentile(values.astype(np.float64), _PERCENTILES, axis=0).T.tolist():
        black, white = (round(low), round(high)) if whole else (float(f'{low:.6g}'), float(f'{high:.6g}'))
        ranges.append((black, white if white > black else black + 1))
    return MeasuredValues(kind, videos, float(values.min()), float(values.max()), tuple(ranges))
