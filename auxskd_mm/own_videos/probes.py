"""Linear probes on the features that a cell has kept, and the learning curve over the number of labels."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..evaluation.feature_bank import FeatureBank
from ..evaluation.linear_probe import LinearProbe, NoValidationPart, ProbeSettings, fit_probe, validation_mask
from ..files import write_whole
from ..recipes.step_records import digest

PARTS = 4  # the pooling 'time' keeps so many values per channel
POOLINGS = ('mean', 'mean_deviation', 'time')
_DECAYS = (1e-3, 1e-2, 1e-1, 1.0)
_INNER_SPLITS = 2
_INNER_SHARE = 0.25
COUNTS = (1, 5, 10, 20, 0)  # labels per class, 0 for all
_DRAWS = 5
_FILE = 'own_probe.json'


class ProbeChoice(NamedTuple):
    """The settings of a probe, chosen on validation groups inside the clips that it learns from."""

    pooling: str
    weight_decay: float

    def text(self) -> str:
        """In words."""
        return f'{self.pooling.replace("_", " and ")} over time, weight decay {self.weight_decay:g}'


def pooled(features: np.ndarray, pooling: str) -> np.ndarray:
    """Features (N, C * 4) of the pooling 'time' in another pooling: their mean (N, C), mean and deviation (N, 2 * C)."""
    steps = features.reshape(len(features), -1, PARTS)  # (N, C, 4)
    if pooling == 'mean':
        return steps.mean(2)
    if pooling == 'mean_deviation':
        return np.concatenate([steps.mean(2), steps.std(2)], axis=1)
    return features


def choose_probe(features: np.ndarray, labels: np.ndarray, groups: Sequence[str], seed: int = 0) -> ProbeChoice:
    """Choose pooling and weight decay by the mean accuracy on groups that are held out in turn.

    Args:
        features: (N, C * 4) of the pooling 'time'.
        labels: Classes int (N,).
        groups: Group of each clip.
        seed: Seed of the inner splits.
    """
    masks = list(_masks(labels, groups, seed))
    if not masks:
        return ProbeChoice('mean', 1e-1)
    classes = int(labels.max()) + 1
    scores: dict[ProbeChoice, float] = {}
    for pooling in POOLINGS:
        x = pooled(features, pooling).astype(np.float32)
        for decay, held in product(_DECAYS, masks):
            probe = fit_probe(x[~held], labels[~held], ProbeSettings(weight_decay=decay), num_classes=classes)
            choice = ProbeChoice(pooling, decay)
            scores[choice] = scores.get(choice, 0.0) + probe.accuracy(x[held], labels[held])
    # Of equal ones the smaller feature and the stronger decay.
    return max(sorted(scores, key=lambda c: (POOLINGS.index(c.pooling), -c.weight_decay)), key=scores.__getitem__)


def _masks(labels: np.ndarray, groups: Sequence[str], seed: int) -> Iterator[np.ndarray]:
    for number in range(_INNER_SPLITS):
        for units in (list(groups), None):  # by clips where groups do not allow it
            try:
                held = validation_mask(labels, _INNER_SHARE, units, seed + 100 * number)
            except NoValidationPart:
                continue
            if len(np.unique(labels[~held])) > 1:
                yield held
            break


def fit_choice(features: np.ndarray, labels: np.ndarray, choice: ProbeChoice, classes: int) -> LinearProbe:
    """Train a probe with chosen settings on features of the pooling 'time'."""
    x = pooled(features, choice.pooling).astype(np.float32)
    return fit_probe(x, labels, ProbeSettings(weight_decay=choice.weight_decay), num_classes=classes)


class Probed(NamedTuple):
    """Predictions of a probe.

    Attributes:
        predictions: Predicted class by path of the clip.
        choice: Settings of the probe.
        curve: Accuracy on some clips by the number of labels per class, one value for each draw; '0' for all labels.
    """

    predictions: dict[str, int]
    choice: ProbeChoice
    curve: dict[str, list[float]]


def probe_cell(folder: Path, groups: dict[str, str], curve_on: frozenset[str], seed: int = 0) -> Probed:
    """Fit a probe on the gallery of a cell and predict its queries. The result is kept beside the features.

    Args:
        folder: Folder ``features`` of the cell, with ``gallery.npz`` and ``query.npz``.
        groups: Group by name of the clip; the names are the ends of the paths.
        curve_on: Names of the clips that the learning curve is measured on.
        seed: Seed of inner splits and draws.
    """
    bank, queries = (FeatureBank.load(folder / f'{name}.npz') for name in ('gallery', 'query'))
    key = digest([bank.labels.tolist(), sorted(groups.items()), sorted(curve_on), seed, POOLINGS, _DECAYS, _DRAWS])
    file = folder / _FILE
    if file.is_file() and (kept := json.loads(file.read_text(encoding='utf-8'))).get('key') == key:
        return Probed(kept['predictions'], ProbeChoice(*kept['choice']), kept['curve'])
    own = [groups.get(known_name(name, groups) or '', name) for name in bank.names]
    choice = choose_probe(bank.features, bank.labels, own, seed)
    classes = int(max(bank.labels.max(), queries.labels.max())) + 1
    x = pooled(queries.features, choice.pooling).astype(np.float32)
    answers = fit_choice(bank.features, bank.labels, choice, classes).scores(x).argmax(1).tolist()
    tested = np.array([known_name(name, groups) in curve_on for name in queries.names], dtype=bool)
    curve = label_curve(bank, queries.features[tested], queries.labels[tested], choice, seed) if tested.any() else {}
    made = Probed(dict(zip(queries.names, answers)), choice, curve)
    write_whole(file, json.dumps(dict(key=key, **made._asdict())))
    return made


def label_curve(
    bank: FeatureBank, features: np.ndarray, labels: np.ndarray, choice: ProbeChoice, seed: int
) -> dict[str, list[float]]:
    """Accuracy by number of labels per class, with several draws of each; a class with fewer clips gives all it has."""
    rng = np.random.default_rng(seed)
    classes = int(max(bank.labels.max(), labels.max())) + 1
    most = int(np.bincount(bank.labels).max())
    found: dict[str, list[float]] = {}
    for count in COUNTS:
        if count >= most:
            continue
        draws = []
        for _ in range(_DRAWS if count else 1):
            rows = _drawn(bank.labels, count, rng) if count else np.arange(len(bank))
            probe = fit_choice(bank.features[rows], bank.labels[rows], choice, classes)
            draws.append(probe.accuracy(pooled(features, choice.pooling).astype(np.float32), labels))
        found[str(count)] = draws
    return found


def _drawn(labels: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    return np.concatenate([rng.permutation(np.flatnonzero(labels == label))[:count] for label in np.unique(labels)])


def known_name(path: str, names: Any) -> str | None:
    """The name of a video, of which a path in a store is the end; None if there is none."""
    parts = path.replace('\\', '/').split('/')
    return next((name for i in range(len(parts)) if (name := '/'.join(parts[i:])) in names), None)
