"""The one file of predictions: JSON, written by ``tools/test.py --dump``, the linear probe and ``tools/predict.py --out``.

The format is ``{"predictions": [{"filename": ..., ...}, ...]}`` with one entry per video. A test writes every label and
score of its data samples as a list, under its own name (``gt_label``, ``pred_score``, ``pace_label``, ``pred_pace``, ...).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import InputError
from ..files import write_whole


def plain_sample(sample: Mapping[str, Any]) -> dict[str, Any]:
    """File name, labels and predictions of a data sample (a mapping) as JSON types."""
    row: dict[str, Any] = dict(filename=str(sample.get('filename', '')))
    for key, value in sample.items():
        if key.startswith('pred_') or key.endswith('_label'):
            if isinstance(value, torch.Tensor):
                value = value.detach().cpu()
                value = value.float() if value.dtype == torch.bfloat16 else value
            if isinstance(value, (torch.Tensor, np.ndarray, np.generic, int, float, list, tuple)):
                row[key] = np.asarray(value).tolist()
    return dict(row, replacement=True) if sample.get('replacement') else row


def write_predictions(path: str | Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write the entries of all videos, whole or not at all.

    Raises:
        InputError: If the file cannot be written.
    """
    return write_whole(path, json.dumps(dict(predictions=list(rows))) + '\n')


def write_answers(folder: str | Path, names: Sequence[str], labels: Sequence[int], answers: Sequence[int]) -> Path:
    """Write ``predictions.json`` of a classifier with one label and one answer per video."""
    rows = [dict(filename=name, gt_label=[label], pred_label=[one]) for name, label, one in zip(names, labels, answers)]
    return write_predictions(Path(folder, 'predictions.json'), rows)


def read_predictions(path: str | Path) -> list[dict[str, Any]]:
    """The entries of a file of predictions.

    Raises:
        InputError: If the file is missing or something else; a pickle is not opened, since it can run code.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f'{path}: no such file; write one with tools/test.py CONFIG CHECKPOINT --dump FILE.json')
    wrong = InputError(
        f'{path}: not predictions as tools/test.py --dump FILE.json and tools/predict.py --out write them'
    )
    with path.open('rb') as stream:
        if stream.read(1) == b'\x80':
            raise InputError(
                f'{path}: a pickle, which is not opened because it can run code; write the predictions as JSON with '
                'tools/test.py CONFIG CHECKPOINT --dump FILE.json'
            )
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        rows = content['predictions']
        if 'names' in content:  # format of recipes before there was one format
            columns = zip(content['names'], content['labels'], rows)
            rows = [dict(filename=name, gt_label=label, pred_label=guess) for name, label, guess in columns]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise wrong from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise wrong
    return rows
