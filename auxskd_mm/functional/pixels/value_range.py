"""What black and white are: the values that become 0 and 255 before jitter and normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Union

import numpy as np

from ...errors import InputError

Pair = Sequence[float]
# (black, white) for all channels, or a pair for each channel.
Range = Union[Pair, Sequence[Pair]]
WHITE = 255.0


class ValueRange(NamedTuple):
    """Black and white of each channel, or one of each for all channels.

    Attributes:
        black: Values that become 0.
        white: Values that become 255. Below ``black`` the picture is inverted, as DICOM's MONOCHROME1 is shown.
    """

    black: tuple[float, ...]
    white: tuple[float, ...]

    @property
    def channels(self) -> int | None:
        """Number of channels that the range is for. None for any."""
        return len(self.black) if len(self.black) > 1 else None

    @property
    def pairs(self) -> list[tuple[float, float]]:
        """(black, white) of each channel."""
        return list(zip(self.black, self.white))

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Black, and the factor to the scale from 0 to 255, float64 (C,) or (1,)."""
        black = np.array(self.black)
        return black, WHITE / (np.array(self.white) - black)

    def to_scale(self, frames: np.ndarray) -> np.ndarray:
        """Frames (..., H, W, C) on the scale from 0 to 255, float32, without clipping."""
        black, factor = self.arrays()
        return ((frames - black) * factor).astype(np.float32)

    def from_scale(self, frames: np.ndarray) -> np.ndarray:
        """Undo :meth:`to_scale`: float64 (..., H, W, C)."""
        black, factor = self.arrays()
        return frames / factor + black


def check_value_range(value: Range | None, owner: str) -> ValueRange | None:
    """The checked setting ``value_range``.

    Args:
        value: ``(black, white)``, a list of such pairs with one for each channel, or None.
        owner: Name of the setting's class for messages.

    Raises:
        InputError: If it is anything else, a number is not finite, or black is white.
    """
    if value is None:
        return None
    try:
        pairs = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        pairs = np.zeros(0)
    pairs = pairs[None] if pairs.ndim == 1 else pairs
    good = pairs.ndim == 2 and pairs.shape[1:] == (2,) and len(pairs) > 0 and np.isfinite(pairs).all()
    if not good or (pairs[:, 0] == pairs[:, 1]).any():
        raise InputError(
            f'{owner}.value_range={value!r:.80}: expected (black, white), two different numbers, or such a pair for each '
            'channel; tools/data/check_videos.py measures it'
        )
    return ValueRange(tuple(pairs[:, 0].tolist()), tuple(pairs[:, 1].tolist()))


def check_range_channels(value_range: ValueRange | None, channels: int, owner: str) -> None:
    """Refuse a range for another number of channels than there are.

    Raises:
        InputError: If the numbers differ. The message has both.
    """
    if value_range is not None and value_range.channels not in (None, channels):
        raise InputError(
            f'{owner}.value_range has {value_range.channels} pairs of black and white, and the frames have {channels} '
            'channel(s); give one pair, or one for each channel'
        )


def as_pictures(frames: np.ndarray, value_range: ValueRange | None = None) -> np.ndarray:
    """Frames (..., H, W, C) as pictures, uint8 (..., H, W, 3).

    One channel becomes grey. Of more than three channels the first three are shown, and of two the first. uint8 is shown
    as it is. Other types are scaled from ``value_range``, or else from their smallest and largest value.
    """
    if frames.dtype != np.uint8 or value_range is not None:
        if value_range is None:
            low, high = float(frames.min()), float(frames.max())
            value_range = ValueRange((low,), (high if high > low else low + 1,))
        frames = value_range.to_scale(frames).round().clip(0, WHITE).astype(np.uint8)
    channels = frames.shape[-1]
    if channels < 3:
        return np.repeat(frames[..., :1], 3, axis=-1)
    return frames[..., :3]


def refuse_unscaled(dtype: object, owner: str) -> InputError:
    """The error for pixels of which nobody can guess what black and white are."""
    name = str(dtype).removeprefix('torch.')
    return InputError(
        f'{owner}: got pixels of type {name}, and only 8-bit ones have a known black and white; set '
        f'{owner}.value_range=(black, white), as tools/data/check_videos.py prints it'
    )
