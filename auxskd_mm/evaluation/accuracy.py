"""Shared functions of the accuracy metrics: chance, intervals and confusion tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from ..errors import InputError
from ..functional.pace import pace_names


def finite_scores(sample: Mapping[str, Any], key: str) -> Tensor:
    """Scores of a data sample, float (C,) or (V, C).

    Raises:
        InputError: If a score is NaN or infinite, since the largest one then has no meaning.
    """
    scores = sample[key]
    if not bool(scores.isfinite().all()):
        raise InputError(
            f"{sample.get('filename', 'a video')}: '{key}' is NaN or infinite; check the weights of the model, no accuracy "
            'can be made of it'
        )
    return scores


def require_keys(sample: Mapping[str, Any], keys: Sequence[str], owner: str, advice: str) -> None:
    """Refuse a data sample without the values that a metric needs.

    Args:
        sample: The data sample.
        keys: Its keys that the metric reads.
        owner: Name of the metric, for the message.
        advice: What to look at, for the message.

    Raises:
        InputError: If a value is missing. The message names the first one.
    """
    missing = next((key for key in keys if sample.get(key) is None), None)
    if missing is not None:
        raise InputError(f"{owner}: the samples carry no '{missing}'; {advice}")


def require_results(results: Sequence[Any], owner: str) -> None:
    """Refuse a measurement without any sample. ``owner`` is the name of the metric.

    Raises:
        InputError: If there is no result.
    """
    if not results:
        raise InputError(f'{owner}: no sample was evaluated; is the test list empty or unreadable?')


def best_constant(labels: np.ndarray) -> float:
    """Accuracy of the best constant answer, the share of the most frequent label of int (N,)."""
    return float(np.bincount(labels).max()) / len(labels)


def best_within(groups: Sequence[Any], labels: np.ndarray) -> float:
    """Accuracy of the best possible answer when some samples look alike.

    Args:
        groups: For each of the N samples, the key of the group of samples that look alike, or None if its label is
            certain.
        labels: int (N,).

    Returns:
        Share of correct samples if each group gets its most frequent label.
    """
    hits = sum(group is None for group in groups)
    for key in set(groups) - {None}:
        hits += int(np.bincount(labels[[group == key for group in groups]]).max())
    return hits / len(labels)


def recorded_names(dataset_meta: Mapping[str, Any] | None, task: str) -> tuple[str, ...] | None:
    """Class names of a task if the sampler of the data set gives them, else None."""
    meta = dataset_meta or {}
    if task == 'pace' and 'paces' in meta:
        return pace_names(meta['paces'])
    return (meta.get('class_names') or {}).get(task) or None


def confusion_table(title: str, label: np.ndarray, prediction: np.ndarray, names: Sequence[str] | None = None) -> str:
    """Confusion counts of labels and predictions int (N,) as text, one row per label and one column per prediction.
    Without names the classes have numbers.

    Raises:
        InputError: If there are fewer names than classes.
    """
    occurring = int(max(label.max(), prediction.max())) + 1
    names = [str(i) for i in range(occurring)] if names is None else [str(name) for name in names]
    classes = len(names)
    if classes < occurring:
        raise InputError(
            f'{classes} class names {names} for {title}, but class {occurring - 1} occurs: name every class'
        )
    table: np.ndarray = np.zeros((classes, classes), dtype=int)
    np.add.at(table, (label, prediction), 1)
    wide = max(7, *(len(name) + 2 for name in names))
    head = f'{title} \\ predicted'
    rows = [head + ''.join(f'{name:>{wide}}' for name in names)]
    rows += [f'{name:>{len(head)}}' + ''.join(f'{n:{wide}}' for n in row) for name, row in zip(names, table)]
    return '\n'.join(rows)
