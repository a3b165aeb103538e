"""What steps leave behind: their state, checkpoints, scalars, results and predictions."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..evaluation.multi_clip_accuracy import average_clips

_STATE = 'phase.json'


def replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(path.suffix + '.tmp')
    temporary.write_text(text, encoding='utf-8')
    os.replace(temporary, path)


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
    replace(folder / _STATE, json.dumps(state, indent=2))


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


def last_scalars(folder: Path) -> dict[str, float]:
    """The last value of every scalar that a training logged; training and validation write rows of their own."""
    files = sorted(folder.glob('*/vis_data/scalars.json'))
    rows = [json.loads(line) for line in files[-1].read_text().splitlines() if line.strip()] if files else []
    merged = {key: value for row in rows for key, value in row.items()}
    return {key: value for key, value in merged.items() if isinstance(value, (int, float))}


def last_result(folder: Path) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Metrics and protocol of the latest test in a folder, as ``tools/test.py`` writes them."""
    files = sorted(folder.glob('*/*.protocol.json'), key=lambda path: path.stat().st_mtime)
    if not files:
        return {}, None
    content = json.loads(files[-1].read_text(encoding='utf-8'))
    return dict(content.get('result') or {}), content.get('protocol')


def keep_predictions(dump: Path, average: str = 'logits') -> Path:
    """Turn what ``tools/test.py --dump`` just wrote into JSON beside it, which can be read again without risk.

    Args:
        dump: Pickle file; it is removed.
        average: See :func:`average_clips`.

    Returns:
        JSON file with ``names``, ``labels`` and ``predictions``, one each a video.

    Raises:
        InputError: If the samples have no scores of clips.
    """
    samples = pickle.loads(dump.read_bytes())
    rows = []
    for sample in samples:
        if sample.get('replacement'):
            continue
        if 'pred_score' not in sample or 'gt_label' not in sample:
            raise InputError(f'{dump}: samples without pred_score and gt_label, expected those of a classifier')
        scores = sample['pred_score'].float().numpy()
        mean = average_clips(scores.reshape(-1, scores.shape[-1]), average)
        rows.append((str(sample.get('filename', '')), int(sample['gt_label'].reshape(-1)[0]), int(mean.argmax())))
    names, labels, predictions = (list(column) for column in zip(*rows)) if rows else ([], [], [])
    path = dump.with_suffix('.json')
    replace(path, json.dumps(dict(names=names, labels=labels, predictions=predictions)))
    dump.unlink()
    return path
