"""Compares the labelled lists of a config with the classes of its head, before anything is built."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.logging import print_log

from ..datasets.class_labels import check_labels, check_one_class, class_names_beside
from ..datasets.gallery_query import GalleryQueryDataset
from ..datasets.labeled_videos import LabeledVideoDataset
from ..datasets.list_formats import line_number
from ..errors import InputError
from ..registry import DATASETS, is_a, registered, type_name
from ..texts import ERRORS, read_text
from .pipelines import data_sets

_OURS = LabeledVideoDataset.__name__
# Data sets of MMAction2 with a class at the end of each line, and the columns before it.
_MMACTION = {'VideoDataset': 1, 'RawframeDataset': 2}
_HEAD = 'model.cls_head.num_classes'


class _Labels(NamedTuple):
    """Labels of a list with their line numbers. The numbers are None if empty lines were not counted."""

    values: list[int]
    lines: list[int] | None


def check_labeled_lists(config: Config, parts: Sequence[str], prefix: str = '') -> None:
    """Refuse labelled lists that would be misread, or whose labels are not classes of the model's head.

    This checks :class:`LabeledVideoDataset`. It also checks MMAction2's ``VideoDataset`` and ``RawframeDataset`` by
    MMAction2's own rules. These two read a label after a tab as a part of the name, and a missing label as -1.

    Args:
        config: Config with its variables filled.
        parts: Loaders that will be built: 'train', 'val', 'test'.
        prefix: Text before the keys in messages.

    Raises:
        InputError: If a list is wrong. The message names the list, the line and the remedy.
    """
    head = (config.get('model') or {}).get('cls_head')
    num_classes = head.get('num_classes') if isinstance(head, Mapping) else None
    if num_classes is not None and (
        not isinstance(num_classes, int) or isinstance(num_classes, bool) or num_classes < 1
    ):
        raise InputError(f'{prefix}{_HEAD}={num_classes!r}: expected a whole number from 1 on')
    for part in parts:
        needed = num_classes is not None and not (part == 'test' and _only_dumps(config.get('test_evaluator')))
        for dataset, compared in _labeled(config.get(f'{part}_dataloader')):
            _check(dataset, num_classes, needed or compared, part == 'train', prefix + _HEAD)
    if 'train' in parts:
        for dataset, _ in _labeled(config.get('custom_hooks')):  # the gallery of a KNNHook: no head has its classes
            _check(dataset, None, True, False, '')


def _check(dataset: Mapping[str, Any], num_classes: int | None, needed: bool, trains: bool, key: str) -> None:
    path = os.path.join(dataset.get('data_root') or '', dataset['ann_file'])
    if '://' in path or not os.path.isfile(path):
        return
    labels = _read(path, dataset, needed)
    if labels is None:
        return
    names = None if dataset.get('multi_class') else class_names_beside(path)
    line_of = labels.lines.__getitem__ if labels.lines else partial(_line, path, dataset.get('delimiter'))
    check_labels(path, labels.values, num_classes, names, line_of=line_of, key=key)
    occurring = len(set(labels.values))
    if trains and num_classes is not None and names is None and occurring < num_classes:
        print_log(
            f'{path}: {occurring} of the {num_classes} classes of {key} occur in it',
            logger='current',
            level=logging.WARNING,
        )


def _labeled(part: object) -> Iterator[tuple[Mapping[str, Any], bool]]:
    """Labelled data sets of a part of a config, and whether each is one of a gallery and its queries."""
    for key, dataset in data_sets(part):
        kind = dataset.get('type')
        known = type_name(kind) in _MMACTION or is_a(DATASETS, kind, _OURS)
        if known and isinstance(dataset.get('ann_file'), str) and dataset['ann_file']:
            yield dataset, key.rpartition('.')[2] in GalleryQueryDataset.SPLITS


def _line(path: str, delimiter: str | None, index: int) -> int:
    return line_number(path, index, delimiter)


def _only_dumps(evaluators: Any) -> bool:
    several = evaluators if isinstance(evaluators, (list, tuple)) else [evaluators]
    return all(type_name((one or {}).get('type')) in ('DumpPredictions', 'DumpResults') for one in several)


def _read(path: str, dataset: Mapping[str, Any], needed: bool) -> _Labels | None:
    """Labels of a list; None if it has none and none are needed."""
    kind = type_name(dataset['type'])
    if kind in _MMACTION:
        columns = _MMACTION[kind] + bool(kind == 'RawframeDataset' and dataset.get('with_offset'))
        delimiter = dataset.get('delimiter', ' ') if kind == 'VideoDataset' else None  # of frames at any blanks
        return _as_mmaction(path, delimiter, columns, bool(dataset.get('multi_class')), needed)
    settings = {key: value for key, value in dataset.items() if key not in ('type', 'pipeline', '_scope_')}
    reader: Any = registered(DATASETS, dataset['type']) or LabeledVideoDataset
    samples = reader(**settings, lazy_init=True).load_data_list()
    return _Labels([sample['label'] for sample in samples], None)


def _as_mmaction(path: str, delimiter: str | None, columns: int, several: bool, needed: bool) -> _Labels | None:
    """Read labels by the rules of MMAction2.

    Raises:
        InputError: If MMAction2 would misread a line, or stop at one with a traceback.
    """
    labels: list[int] = []
    lines: list[int] = []
    videos: list[str] = []
    places = f'each {delimiter!r}' if delimiter else 'blanks'
    advice = f"MMAction2 divides a line at {places}; type='auxskd_mm.{_OURS}' reads tabs, several blanks and names with blanks"
    rows = read_text(path, 'utf-8', ERRORS).split('\n')
    if not rows[-1]:
        rows.pop()
    if not any(row.strip() for row in rows):
        raise InputError(f'{path}: the list is empty; expected one video per line')
    bare = 0
    for number, row in enumerate(rows, 1):
        values = row.strip().split(delimiter) if delimiter else row.split()
        where = f"{path}: line {number} '{row.strip()}': "
        if row.startswith('\ufeff'):
            raise InputError(
                f'{where}begins with a byte order mark, which MMAction2 takes for a part of the name; {advice}'
            )
        if not row.strip():
            raise InputError(f'{where}an empty line, which MMAction2 takes for a video without a name; remove it')
        if len(values) == 1 and columns == 1 and values[0] and not any(sign in values[0] for sign in '\t, '):
            bare += 1
            if needed:
                raise InputError(
                    f"{where}no label; expected 'path{delimiter or ' '}label' with a whole number from 0 on"
                )
            continue
        found = values[columns:]
        if not values[0] or not found or (len(found) > 1 and not several):
            raise InputError(f'{where}expected {columns + 1} columns, found {len(values)}; {advice}')
        if not all(re.fullmatch(r'\d+', value) for value in values[1:columns]):
            raise InputError(f"{where}'{values[1]}' is no number of frames; {advice}")
        if not all(re.fullmatch(r'-?\d+', value) for value in found):
            raise InputError(f"{where}label '{found[0]}' is no whole number; {advice}")
        if any(int(value) < 0 for value in found):
            raise InputError(f'{where}label {min(map(int, found))} is negative')
        labels.extend(map(int, found))
        lines.extend([number] * len(found))
        videos.extend([values[0]] * len(found))
    if bare and labels:
        raise InputError(f'{path}: {bare} of {len(rows)} lines have no label')
    if columns == 1 and not several:
        check_one_class(path, videos, labels, lines.__getitem__)
    return _Labels(labels, lines) if labels else None
