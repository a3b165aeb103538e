"""Types of pixels and shapes of stacks. The functions raise :class:`ValueError`, and the caller adds the file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# Types that every step from reader to network takes.
KEPT = ('uint8', 'uint16', 'int16', 'float32', 'float64')
# Other types, and the kept one that holds each of their values.
_WIDER = dict(
    bool='uint8', int8='int16', float16='float32', int32='float64', uint32='float64', int64='float64', uint64='float64'
)
# float64 holds every whole number up to here.
_MOST_WHOLE = 2**53
# The last dimension of an image (H, W, C) has so many entries at most. No frame is so narrow.
_FEW = 4


class PixelKind(NamedTuple):
    """The pixels of a video or of a store.

    Attributes:
        dtype: Name of a type in :data:`KEPT`.
        channels: Number of channels C.
    """

    dtype: str = 'uint8'
    channels: int = 3

    def __str__(self) -> str:
        return f'{self.dtype} pixels of {self.channels} channel{"s" if self.channels > 1 else ""}'

    @property
    def place_bytes(self) -> int:
        """Bytes per pixel with all its channels."""
        return self.channels * np.dtype(self.dtype).itemsize

    @classmethod
    def of(cls, frame: np.ndarray) -> PixelKind:
        """Kind of a frame (H, W, C)."""
        return cls(frame.dtype.name, int(frame.shape[-1]))


def exact_type(dtype: np.dtype) -> np.dtype:
    """The type in :data:`KEPT` that holds each value of a type, in the byte order of this machine.

    Raises:
        ValueError: If values of the type are no pixels. Python objects are never loaded.
    """
    if dtype.hasobject:
        raise ValueError('holds Python objects, which are never loaded; save plain numbers')
    name = dtype.newbyteorder('=').name
    if name not in KEPT and name not in _WIDER:
        raise ValueError(
            f'holds values of type {dtype}, which are no pixels; save {", ".join(KEPT[:-1])} or {KEPT[-1]}'
        )
    return np.dtype(_WIDER.get(name, name))


def exact(frame: np.ndarray) -> np.ndarray:
    """A frame (H, W[, C]) in its :func:`exact_type`, as an array of its own of the same shape.

    Raises:
        ValueError: If it holds whole numbers beyond those of float64.
    """
    wanted = exact_type(frame.dtype)
    wide = frame.dtype.kind in 'iu' and frame.dtype.itemsize == 8 and frame.size > 0
    if wide and max(int(frame.max()), -int(frame.min())) > _MOST_WHOLE:
        raise ValueError(f'holds whole numbers beyond {_MOST_WHOLE}, which no kept type holds')
    return np.array(frame, dtype=wanted, order='C')


def check_finite(frame: np.ndarray) -> None:
    """Refuse NaN and infinite values in a frame (H, W[, C]), from which no network learns.

    Raises:
        ValueError: If there are some. The message says how many.
    """
    if frame.dtype.kind != 'f':
        return
    bad = int(frame.size - np.isfinite(frame).sum())
    if bad:
        raise ValueError(f'holds {bad} values that are NaN or infinite; replace or mask them')


def stack_shape(shape: Sequence[int]) -> tuple[int, int, int, int]:
    """Shape (T, H, W, C) of a stack (T, H, W) or (T, H, W, C).

    Raises:
        ValueError: If the shape is another one, or may be that of one image, or of channels in front.
    """
    shape = tuple(int(side) for side in shape)
    if len(shape) not in (3, 4) or min(shape) < 1:
        raise ValueError(f'has the shape {shape}, expected a stack of frames (T, H, W) or (T, H, W, C)')
    if len(shape) == 3 and shape[2] <= _FEW:
        raise ValueError(
            f'has the shape {shape}, which may be one image (H, W, C) or frames (T, H, W) of {shape[2]} columns; save '
            'it as (T, H, W, C)'
        )
    if len(shape) == 4 and shape[3] > _FEW >= shape[1]:
        raise ValueError(f'has the shape {shape}, which seems to be (T, C, H, W); save it as (T, H, W, C)')
    return (*shape, 1) if len(shape) == 3 else shape  # type: ignore[return-value]  # four numbers
