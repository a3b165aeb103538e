"""Features of a set of videos, with the labels, names and protocol that a comparison needs."""

from __future__ import annotations

import json
import logging
import os
import zipfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from ..datasets.recordings.names import without_window
from ..datasets.stores import packed_from
from ..errors import InputError
from ..files import WholeFile


@dataclass(frozen=True)
class FeatureBank:
    """One feature per video.

    Attributes:
        features: float32 (N, D).
        labels: Classes int64 (N,), -1 where unknown.
        names: N paths.
        protocol: Origin of the features (pooling, clips per video, config, checkpoint ...), in JSON types only.

    Raises:
        InputError: If the lengths differ, or a feature is NaN or infinite.
    """

    features: np.ndarray
    labels: np.ndarray
    names: list[str]
    protocol: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.features.ndim != 2 or not len(self.features) == len(self.labels) == len(self.names):
            raise InputError(
                f'feature bank: features {self.features.shape}, {len(self.labels)} labels and {len(self.names)} names, '
                'expected (N, D), N and N'
            )
        kinds = self.features.dtype, self.labels.dtype
        if kinds[0].kind not in 'fiu' or kinds[1].kind not in 'iu':
            raise InputError(
                f'feature bank: features of type {kinds[0]} and labels of type {kinds[1]}, expected numbers and whole numbers'
            )
        bad = np.flatnonzero(~np.isfinite(self.features).all(1))
        if len(bad):
            raise InputError(
                f'{self.names[bad[0]]}: its feature is NaN or infinite ({len(bad)} of {len(self)} videos); check the weights '
                'of the network, no number can be made of it'
            )

    def __len__(self) -> int:
        return len(self.names)

    def save(self, path: str | Path) -> Path:
        """Write a ``.npz`` file, whole or not at all."""
        path = Path(path)
        with WholeFile(path) as whole:
            np.savez(
                whole.file,
                features=self.features,
                labels=self.labels,
                names=np.asarray(self.names, dtype=np.str_),
                protocol=np.asarray(json.dumps(self.protocol)),
            )
        return path

    @classmethod
    def load(cls, path: str | Path) -> FeatureBank:
        """Read a file that :meth:`save` wrote.

        Raises:
            InputError: If the file is missing or holds something else.
        """
        if not Path(path).is_file():
            raise InputError(f'{path}: no such feature file')
        try:
            with np.load(path, allow_pickle=False) as content:
                parts = (
                    content['features'],
                    content['labels'],
                    content['names'].tolist(),
                    json.loads(str(content['protocol'])),
                )
        except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile):
            raise InputError(
                f'{path}: not a feature file of this package; tools/extract_features.py writes them'
            ) from None
        try:
            return cls(*parts)
        except (InputError, TypeError) as error:
            raise InputError(f'{path}: {error}') from None

    def rows(self, rows: Sequence[int]) -> FeatureBank:
        """The bank of R of the videos, with features (R, D)."""
        rows = list(rows)
        return FeatureBank(self.features[rows], self.labels[rows], [self.names[i] for i in rows], self.protocol)

    def require_labels(self, what: str) -> None:
        """Check that every video has a class.

        Raises:
            InputError: If a video has none. The message names the first such video.
        """
        bare = np.flatnonzero(self.labels < 0)
        if len(bare):
            raise InputError(f'{what}: {len(bare)} of {len(self)} videos have no label, e.g. {self.names[bare[0]]}')


def entries_of(listed: Collection[str], names: Sequence[str]) -> dict[str, str]:
    """Find the entry of a list for each video.

    A list of ``prepare_folder`` names the videos of the user. Features that were read from a store have the names of
    the copies there. A copy has the entry of the video that it was packed from. A window has that of its recording, unless
    it has one of its own.

    Args:
        listed: Paths in a list or table.
        names: Paths of the videos.

    Returns:
        Entry by video. Videos that are not in the list are left out.
    """
    found = {name: name for name in names if name in listed}
    if len(found) < len(names):
        real = {os.path.realpath(path): path for path in listed}
        sources = {name: packed_from(name) for name in names if name not in found}
        paths = {name: real.get(os.path.realpath(source)) for name, source in sources.items() if source is not None}
        found.update({name: path for name, path in paths.items() if path is not None})
        whole = {name: without_window(name) for name in names if name not in found}
        found.update({name: recording for name, recording in whole.items() if recording in listed})
    return found


def check_comparable(gallery: FeatureBank, queries: FeatureBank) -> None:
    """Check that two banks can be searched against each other.

    Raises:
        InputError: If one is empty, their dimensions D or protocols differ, labels are missing, or a video is in both.
    """
    for name, bank in (('gallery', gallery), ('query', queries)):
        if len(bank) == 0:
            raise InputError(f'there are no {name} videos that could be read')
        bank.require_labels(name)
    if gallery.features.shape[1] != queries.features.shape[1]:
        raise InputError(
            f'gallery features are {gallery.features.shape[1]}-d, query features {queries.features.shape[1]}-d: '
            'extract both with one network and one pooling'
        )
    differ = [key for key in gallery.protocol if gallery.protocol[key] != queries.protocol.get(key)]
    if differ:
        one, other = gallery.protocol[differ[0]], queries.protocol.get(differ[0])
        raise InputError(f'gallery and queries differ in {differ[0]}: {one!r} and {other!r}; extract both alike')
    both = sorted(set(gallery.names) & set(queries.names))
    if both:
        raise InputError(
            f'{len(both)} videos are in both gallery and queries, e.g. {both[0]}: they would find themselves'
        )
    alone = sorted(set(queries.labels.tolist()) - set(gallery.labels.tolist()))
    if alone:
        print_log(
            f'{len(alone)} classes of the queries have no video in the gallery and cannot be found, such as {alone[0]}: do both '
            'lists number their classes alike?',
            logger='current',
            level=logging.WARNING,
        )
