"""The index of a store: one row per video in arrays, so that 100,000 of them cost neither time nor memory."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from ...texts import ERRORS
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


class StoreIndex:
    """Rows and names of the videos of a store.

    Attributes:
        rows: Structured array, one row per video.
        names: Their names in the store.
        sources: Paths of the videos that they were made from.
        extradata: Decoder set-ups that rows refer to by number.
    """

    def __init__(
        self, rows: np.ndarray, names: Sequence[str], sources: Sequence[str], extradata: Sequence[bytes]
    ) -> None:
        self.rows, self.names, self.sources, self.extradata = rows, names, sources, extradata

    @classmethod
    def of_shards(cls, shards: Sequence[dict[str, Any]]) -> StoreIndex:
        """Index of what :func:`write_shard` returned."""
        known: dict[str, int] = {}
        videos = [(number, video) for number, shard in enumerate(shards) for video in shard['videos']]
        rows: np.ndarray = np.zeros(len(videos), _ROW)
        for row, (number, video) in zip(rows, videos):
            numbers = dict(shard=number, extradata=known.setdefault(video['extradata'], len(known)))
            for key in _ROW.names or ():
                row[key] = numbers[key] if key in numbers else video[key]
        names, sources = ([video[key] for _, video in videos] for key in ('name', 'source'))
        return cls(rows, names, sources, [bytes.fromhex(text) for text in known])

    def to_bytes(self) -> bytes:
        """The index file."""
        buffer = io.BytesIO()
        np.savez(
            buffer,
            rows=self.rows,
            names=_text(self.names),
            sources=_text(self.sources),
            extradata=_text([data.hex() for data in self.extradata]),
        )
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> StoreIndex:
        """Read an index file.

        Raises:
            ValueError: If it is damaged.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                lists = [
                    arrays[key].tobytes().decode('utf-8', ERRORS).split('\n')
                    for key in ('names', 'sources', 'extradata')
                ]
                rows = arrays['rows']
        except (zipfile.BadZipFile, KeyError, OSError, EOFError) as error:
            raise ValueError(str(error)) from None
        if rows.dtype != _ROW or len(rows) != len(lists[0]):
            raise ValueError('its rows are of another kind')
        return cls(rows, lists[0], lists[1], [bytes.fromhex(text) for text in lists[2]])

    def __len__(self) -> int:
        return len(self.rows)

    def number(self, name: str) -> int | None:
        """Row of a name, with or without the video's suffix; None if there is none."""
        return self._numbers.get(name)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        numbers: dict[str, int] = {}
        for i, name in enumerate(self.names):
            # The first of several that differ by suffix alone, as when a list is looked up in a folder.
            numbers.setdefault(str(PurePosixPath(name).with_suffix('')), i)
        numbers.update({name: i for i, name in enumerate(self.names)})
        return numbers

    def source(self, number: int) -> tuple[str, SourceState]:
        """Path and state of the source when it was packed."""
        row = self.rows[number]
        return self.sources[number], SourceState(int(row['source_size']), int(row['source_mtime']))


def _text(lines: Sequence[str]) -> np.ndarray:
    return np.frombuffer('\n'.join(lines).encode('utf-8', ERRORS), dtype=np.uint8)
