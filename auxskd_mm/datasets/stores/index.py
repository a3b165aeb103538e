"""The index of a store: one row per video in arrays, so 100,000 videos need little time and memory."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ...errors import InputError
from ...texts import ERRORS
from ..suffixes import meant_by_stem
from .feature_settings import FeatureSettings
from .schema import check_extradata, check_names, check_rows, check_times, read_arrays
from .settings import StoreSettings, member_stem
from .sources import SourceState

_ROW = np.dtype(
    [
        ('shard', '<i4'),
        ('offset', '<i8'),
        ('size', '<i8'),
        ('table', '<i8'),
        ('frames', '<i4'),
        ('fps', '<f4'),
        ('height', '<i4'),
        ('width', '<i4'),
        ('label', '<i8'),
        ('extradata', '<i4'),
        ('checksum', '<u4'),
        ('source_size', '<i8'),
        ('source_mtime', '<i8'),
    ]
)
_TEXTS = ('names', 'sources', 'extradata')
# Of the videos with uneven frames: their rows, and the times of all their frames. Older stores have neither.
_TIMES = dict(timed=np.dtype('<i8'), times=np.dtype('<i8'))


class StoreIndex:
    """Rows and names of the videos of a store.

    Attributes:
        rows: Structured array, one row per video.
        names: Names of the videos in the store.
        sources: Paths of the source videos.
        extradata: Decoder set-ups that rows refer to by number.
        timed: Rows of the videos whose frames are not evenly spaced, ascending. None in a store without times.
        times: Times of the frames of these videos, one video after another, in nanoseconds after the first frame.
    """

    def __init__(
        self,
        rows: np.ndarray,
        names: Sequence[str],
        sources: Sequence[str],
        extradata: Sequence[bytes],
        timed: np.ndarray | None = None,
        times: np.ndarray | None = None,
    ) -> None:
        self.rows, self.names, self.sources, self.extradata = rows, names, sources, extradata
        self.timed, self.times = timed, times

    @classmethod
    def of_shards(cls, shards: Sequence[dict[str, Any]]) -> StoreIndex:
        """Index from the results of :func:`write_shard`."""
        known: dict[str, int] = {}
        videos = [(number, video) for number, shard in enumerate(shards) for video in shard['videos']]
        rows: np.ndarray = np.zeros(len(videos), _ROW)
        for row, (number, video) in zip(rows, videos):
            numbers = dict(shard=number, extradata=known.setdefault(video['extradata'], len(known)))
            for key in _ROW.names or ():
                row[key] = numbers[key] if key in numbers else video[key]
        names, sources = ([video[key] for _, video in videos] for key in ('name', 'source'))
        timed = np.asarray([i for i, (_, video) in enumerate(videos) if video['times']], dtype='<i8')
        times = np.asarray([time for _, video in videos for time in video['times']], dtype='<i8')
        return cls(rows, names, sources, [bytes.fromhex(text) for text in known], timed, times)

    def to_bytes(self) -> bytes:
        """The content of the index file."""
        buffer = io.BytesIO()
        arrays = dict(
            rows=self.rows,
            names=_text(self.names),
            sources=_text(self.sources),
            extradata=_text([data.hex() for data in self.extradata]),
        )
        if self.timed is not None and self.times is not None:
            arrays.update(timed=self.timed, times=self.times)
        np.savez(buffer, **arrays)  # type: ignore[arg-type]  # the stub takes the keys for allow_pickle
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> StoreIndex:
        """Read an index file.

        Raises:
            ValueError: If it is damaged.
        """
        kinds = dict(rows=_ROW, **dict.fromkeys(_TEXTS, np.dtype(np.uint8)))
        try:
            arrays = read_arrays(data, kinds, _TIMES)
            lists = {key: arrays[key].tobytes().decode('utf-8', ERRORS).split('\n') for key in _TEXTS}
            extradata = [bytes.fromhex(text) for text in lists['extradata']]
        except Exception as error:  # zipfile and NumPy raise many kinds at bytes that are not theirs
            raise ValueError(str(error).partition('\n')[0][:200] or type(error).__name__) from None
        return cls(
            arrays['rows'], lists['names'], lists['sources'], extradata, arrays.get('timed'), arrays.get('times')
        )

    def check(self, sizes: Sequence[int], settings: StoreSettings | FeatureSettings) -> StoreIndex:
        """Return the index if it fits a store with these settings and shards of these sizes.

        Raises:
            ValueError: If it does not fit.
        """
        if not len(self.rows) == len(self.names) == len(self.sources):
            raise ValueError(f'{len(self.rows)} rows, {len(self.names)} names and {len(self.sources)} sources')
        if any('\0' in source for source in self.sources):
            raise ValueError('the path of a source has a zero byte in it')
        check_names(self.names)
        check_extradata(self.extradata, settings.layout)
        check_rows(self.rows, sizes, len(self.extradata), settings)
        if self.timed is not None and self.times is not None:
            check_times(self.timed, self.times, self.rows['frames'])
        return self

    def frame_times(self, number: int) -> np.ndarray | None:
        """Times of the frames of a row in seconds after the first one, float64 (T,). None if they are evenly spaced."""
        if self.timed is None or self.times is None:
            return None
        place = int(np.searchsorted(self.timed, number))
        if place == len(self.timed) or self.timed[place] != number:
            return None
        end = int(self._ends[place])
        return self.times[end - int(self.rows['frames'][number]) : end] * 1e-9

    @cached_property
    def _ends(self) -> np.ndarray:
        return np.cumsum(self.rows['frames'][self.timed], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.rows)

    def number(self, name: str) -> int | None:
        """Row of a name, with or without the video's suffix. None if the name is unknown.

        Raises:
            InputError: If several videos differ from the name by their suffix alone.
        """
        number = self._numbers.get(name)
        if number is None or self.names[number] == name or name not in self._others:
            return number
        alike = meant_by_stem([self.names[number], *self._others[name]])
        if len(alike) > 1:
            raise InputError(f'{name} may be {" or ".join(alike)} in the store; write the suffix of one')
        return self._numbers[alike[0]]

    @cached_property
    def _numbers(self) -> dict[str, int]:
        numbers: dict[str, int] = {}
        for i, name in enumerate(self.names):
            numbers.setdefault(member_stem(name), i)
        numbers.update({name: i for i, name in enumerate(self.names)})
        return numbers

    @cached_property
    def _others(self) -> dict[str, list[str]]:
        """Names without their suffix that several videos have, and all of these but the first."""
        others = defaultdict[str, list[str]](list)
        for i, name in enumerate(self.names):
            if self._numbers[member_stem(name)] != i:
                others[member_stem(name)].append(name)
        return {**others}

    def source(self, number: int) -> tuple[str, SourceState]:
        """Path of the source, and its state at the time of packing."""
        row = self.rows[number]
        return self.sources[number], SourceState(int(row['source_size']), int(row['source_mtime']))


def _text(lines: Sequence[str]) -> np.ndarray:
    return np.frombuffer('\n'.join(lines).encode('utf-8', ERRORS), dtype=np.uint8)
