"""Cine loops in DICOM files, through pydicom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ....errors import InputError, VideoReadError
from ..limits import MAX_PIXELS, reason
from ..stack import StackReader

# What a sample means. MONOCHROME1 has white as its smallest value.
_GRAY, _COLOUR = ('MONOCHROME1', 'MONOCHROME2'), ('RGB', 'YBR_FULL', 'YBR_FULL_422', 'YBR_ICT', 'YBR_RCT')


class DicomReader(StackReader):
    """The frames of a DICOM file, with the values that are stored. No window and no rescaling is applied.

    The frame rate is that of FrameTime or FrameTimeVector (which gives a time for each frame), or else CineRate or
    RecommendedDisplayFrameRate. pydicom turns YBR colours to RGB.

    Raises:
        InputError: If pydicom is not installed.
        VideoReadError: If the file has no pixels, pixels of another kind, or a compression that pydicom cannot decode.
    """

    def __init__(self, path: str, channel_order: str = 'rgb', max_pixels: int = MAX_PIXELS) -> None:
        super().__init__(path, channel_order, max_pixels)
        pydicom = _pydicom(path)
        try:
            # The pixels stay in the file until frames are asked for.
            found = pydicom.dcmread(path, defer_size=2**16)
            shape, dtype = _shape(path, found)
            self.fps, self._times = _rate(found, shape[0])
        except InputError:
            raise
        except Exception as error:  # pydicom raises many kinds at what is no DICOM
            raise VideoReadError(path, f'cannot be read as DICOM ({reason(error)})') from None
        self._colour = shape[3] > 1
        self._note(shape, dtype)

    def _frames(self, indices: Sequence[int]) -> Iterator[np.ndarray]:
        pixels = _pydicom(self.path).pixels
        try:
            yield from pixels.iter_pixels(self.path, indices=list(indices))
        except Exception as error:
            raise VideoReadError(
                self.path, f'cannot be decoded ({reason(error)}); a compression may need pylibjpeg or another plugin'
            ) from None

    def times(self) -> np.ndarray | None:
        """See :class:`Reader`."""
        return super().times() if self._times is None else self._times


def _pydicom(path: str) -> Any:
    try:
        import pydicom
        import pydicom.pixels
    except ImportError:
        raise InputError(
            f"{path}: is a DICOM file, and pydicom 3 is not installed; run `pip install 'auxskd_mm[dicom]'`"
        ) from None
    return pydicom


def _shape(path: str, found: Any) -> tuple[tuple[int, int, int, int], np.dtype]:
    """Shape (T, H, W, C) and type of the pixels.

    Raises:
        VideoReadError: If there are none, or nobody can say what they are.
    """
    missing = [key for key in ('Rows', 'Columns', 'BitsAllocated', 'PixelRepresentation') if found.get(key) is None]
    if missing or not any(key in found for key in ('PixelData', 'FloatPixelData', 'DoubleFloatPixelData')):
        raise VideoReadError(path, f'holds no pixels (no {missing[0] if missing else "PixelData"})')
    meaning, samples = str(found.get('PhotometricInterpretation', '')), int(found.get('SamplesPerPixel', 1))
    bits = int(found.BitsAllocated)
    if (meaning not in _GRAY or samples != 1) and (meaning not in _COLOUR or samples != 3 or bits != 8):
        raise VideoReadError(
            path,
            f"has {samples} samples of {bits} bits as '{meaning}', which are not read; expected one of "
            f'{", ".join(_GRAY)}, or RGB or YBR of 8 bits',
        )
    if bits not in (8, 16, 32):
        raise VideoReadError(path, f'has {bits} bits per sample; expected 8, 16 or 32')
    sign = 'i' if int(found.PixelRepresentation) else 'u'
    count = int(found.get('NumberOfFrames', 1) or 1)
    return (count, int(found.Rows), int(found.Columns), samples), np.dtype(f'{sign}{bits // 8}')


def _rate(found: Any, count: int) -> tuple[float | None, np.ndarray | None]:
    """Frames per second, and the times of the frames where they are stated one by one."""
    vector = [float(one) for one in np.atleast_1d(found.get('FrameTimeVector') or ())]
    if len(vector) == count > 1 and all(one > 0 for one in vector[1:]):
        times = np.cumsum([0.0, *vector[1:]]) / 1000
        return (count - 1) / float(times[-1]), times
    if float(found.get('FrameTime') or 0) > 0:
        return 1000 / float(found.FrameTime), None
    rate = float(found.get('CineRate') or found.get('RecommendedDisplayFrameRate') or 0)
    return (rate if rate > 0 else None), None


READER = DicomReader
