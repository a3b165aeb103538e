"""Files of finished steps: state, checkpoints, scalars, results and predictions."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..evaluation.multi_clip_accuracy import average_clips
from ..files import only_writer, read_record, write_whole
from ..records.predictions import read_predictions

STATE = 'phase.json'


def read_state(folder: Path) -> dict[str, Any]:
    """Read the state of a step. Empty if the step was never started, or if its file is damaged."""
    return read_record(folder / STATE)


def finished_seconds(folder: Path) -> float | None:
    """Return the duration of a finished step. None for an unfinished step."""
    state = read_state(folder)
    return float(state['seconds']) if state.get('finished') else None


def write_state(folder: Path, state: Mapping[str, Any]) -> None:
    """Write the state of a step."""
    write_whole(folder / STATE, json.dumps(state, indent=2))


def digest(facts: object) -> str:
    """Make a fingerprint of all inputs of a step."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def known_state(label: str, folder: Path, fingerprint: str) -> dict[str, Any]:
    """Read the state of a step, and check that the step has not changed since its start.

    Raises:
        InputError: If the step was started with another config or other options.
    """
    state = read_state(folder)
    if state and state['fingerprint'] != fingerprint:
        raise InputError(
            f'phase {label!r}: its config or options changed since {folder} was made (made with other options); '
            'move that folder away to run it anew'
        )
    if state:
        state.setdefault('finished', 'metrics' in state)  # older cells of the study
    return state


def run_restartable(
    label: str, folder: Path, fingerprint: str, work: Callable[[dict[str, Any]], dict[str, Any]]
) -> tuple[dict[str, Any], bool]:
    """Run a step that is not finished, and keep its state: the engine under recipes and the study.

    Args:
        label: Name of the step.
        folder: Work dir of the step.
        fingerprint: Result of :func:`digest`.
        work: Function that does the work. It takes the state of an interrupted run, which is empty for a new run. It
            returns the state to keep.

    Returns:
        The state, with ``finished`` and the sum of ``seconds`` over all starts; and whether the step was finished
        before this call.

    Raises:
        InputError: See :func:`known_state`. Also if another process runs the step.
    """
    state = known_state(label, folder, fingerprint)
    if state.get('finished'):
        return state, True
    folder.mkdir(parents=True, exist_ok=True)
    with only_writer(folder):  # another start of the recipe, or another one with the same cell
        state = known_state(label, folder, fingerprint)
        if state.get('finished'):
            return state, True
        return _run(label, folder, fingerprint, work, state), False


def _run(
    label: str,
    folder: Path,
    fingerprint: str,
    work: Callable[[dict[str, Any]], dict[str, Any]],
    state: dict[str, Any],
) -> dict[str, Any]:
    """Do the work of a step and keep its state, which is returned."""
    start, before = time.time(), float(state.get('seconds', 0.0))
    write_state(folder, dict(name=label, fingerprint=fingerprint, finished=False, seconds=before))
    try:
        row = dict(name=label, fingerprint=fingerprint, **work(state))
    except BaseException:
        spent = round(before + time.time() - start, 1)
        with suppress(InputError):  # of a full disk, of which the work itself says more
            write_state(folder, dict(name=label, fingerprint=fingerprint, finished=False, seconds=spent))
        raise
    seconds = round(before + row.pop('took', time.time() - start), 1)
    row.update(seconds=seconds, finished=True)
    write_state(folder, row)
    return row


def last_checkpoint(folder: Path) -> Path | None:
    """The last checkpoint of a training."""
    pointer = folder / 'last_checkpoint'
    if not pointer.is_file():
        return None
    path = Path(pointer.read_text().strip())
    # The pointer holds the path of the time of writing; a work dir that was moved keeps working.
    return next((candidate for candidate in (path, folder / path.name) if candidate.is_file()), None)


def remove_checkpoints(folder: Path) -> None:
    """Remove the checkpoints that MMEngine wrote for a finished step. A second call ends what a killed one began."""
    for pattern in ('epoch_*.pth*', 'iter_*.pth*', 'best_*.pth*', 'last_checkpoint'):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)


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
    """Read names, labels and predicted classes from a file of predictions. None if there is no file.

    Args:
        path: File of ``tools/test.py --dump`` or of a linear probe; see :mod:`auxskd_mm.records.predictions`.
        average: How scores of several clips are averaged; see :func:`average_clips`.

    Raises:
        InputError: If the entries are not from a classifier.
    """
    if not path.is_file():
        return None
    columns: dict[str, list] = dict(names=[], labels=[], predictions=[])
    for row in read_predictions(path):
        if row.get('replacement'):
            continue
        try:
            label, guess = int(np.reshape(row['gt_label'], -1)[0]), row.get('pred_label')
            if 'pred_score' in row:
                scores = np.asarray(row['pred_score'], dtype=np.float32)  # (clips, classes), or one of (classes,)
                guess = average_clips(scores.reshape(-1, scores.shape[-1]), average).argmax()
            guess = int(np.asarray(guess).reshape(-1)[0])
        except (KeyError, ValueError, TypeError, IndexError):
            raise InputError(
                f'{path}: samples without pred_score and gt_label, expected those of a classifier'
            ) from None
        for key, value in zip(columns, (str(row.get('filename', '')), label, guess)):
            columns[key].append(value)
    return columns
