"""What steps leave behind: their state, checkpoints, scalars, results and predictions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..evaluation.multi_clip_accuracy import average_clips
from ..files import write_whole
from ..records.predictions import read_predictions

_STATE = 'phase.json'


def read_state(folder: Path) -> dict[str, Any]:
    """State of a step, empty if it was never started."""
    path = folder / _STATE
    return json.loads(path.read_text(encoding='utf-8')) if path.is_file() else {}


def finished_seconds(folder: Path) -> float | None:
    """What a finished step took, None for one that is not finished."""
    state = read_state(folder)
    return float(state['seconds']) if state.get('finished') else None


def write_state(folder: Path, state: Mapping[str, Any]) -> None:
    """Write the state of a step."""
    write_whole(folder / _STATE, json.dumps(state, indent=2))


def last_checkpoint(folder: Path) -> Path | None:
    """The checkpoint that a training went on from last."""
    pointer = folder / 'last_checkpoint'
    if not pointer.is_file():
        return None
    path = Path(pointer.read_text().strip())
    # The pointer holds the path of the time of writing; a work dir that was moved keeps working.
    return next((candidate for candidate in (path, folder / path.name) if candidate.is_file()), None)


def best_checkpoint(folder: Path) -> Path | None:
    """The checkpoint that validation chose (``save_best``), else the last one."""
    best = sorted(folder.glob('best_*.pth'), key=lambda path: path.stat().st_mtime)
    return best[-1] if best else last_checkpoint(folder)


def last_result(folder: Path) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Metrics and protocol of the latest test in a folder, as ``tools/test.py`` writes them."""
    files = sorted(folder.glob('*/*.protocol.json'), key=lambda path: path.stat().st_mtime)
    if not files:
        return {}, None
    content = json.loads(files[-1].read_text(encoding='utf-8'))
    return dict(content.get('result') or {}), content.get('protocol')


def classified(path: Path, average: str = 'logits') -> dict[str, list] | None:
    """Names, labels and predicted classes in a file of predictions, None if there is no file.

    Args:
        path: Of ``tools/test.py --dump`` or of a linear probe; see :mod:`auxskd_mm.records.predictions`.
        average: See :func:`average_clips`; for scores of clips.

    Raises:
        InputError: If the entries are not those of a classifier.
    """
    if not path.is_file():
        return None
    columns: dict[str, list] = dict(names=[], labels=[], predictions=[])
    for row in read_predictions(path):
        if row.get('replacement'):
            continue
        try:
            scores = np.asarray(row['pred_score'], dtype=np.float32) if 'pred_score' in row else None
            best = row['pred_label'] if scores is None else average_clips(scores.reshape(-1, scores.shape[-1]), average)
            label, guess = np.reshape(row['gt_label'], -1)[0], best if scores is None else best.argmax()
            guess = int(np.reshape(guess, -1)[0])
        except (KeyError, ValueError, TypeError, IndexError):
            raise InputError(
                f'{path}: samples without pred_score and gt_label, expected those of a classifier'
            ) from None
        for key, value in zip(columns, (str(row.get('filename', '')), int(label), guess)):
            columns[key].append(value)
    return columns
