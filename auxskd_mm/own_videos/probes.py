"""Linear probes on the features that a cell has kept, and the learning curve over the number of labels."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..evaluation.feature_bank import FeatureBank
from ..evaluation.linear_probe import LinearProbe, fit_probe
from ..evaluation.linear_probe import ProbeSettings as Training
from ..evaluation.probes import ProbeSearch, feature_views
from ..files import write_whole
from ..recipes.step_records import digest

PARTS = 4  # the pooling 'time' keeps so many values per channel
POOLINGS = ('mean', 'mean_std', 'time')
_DECAYS = (1e-3, 1e-2, 1e-1, 1.0)
_FOLDS = 2
COUNTS = (1, 5, 10, 20, 0)  # labels per class, 0 for all
_DRAWS = 5
_FILE = 'own_probe.json'
_STAGE = 'maps'


class ProbeSettings(NamedTuple):
    """Pooling over time and weight decay of a probe, chosen on groups inside the clips that it learns from."""

    pooling: str
    weight_decay: float

    def text(self) -> str:
        """In words."""
        return f'{self.pooling} over time, weight decay {self.weight_decay:g}'


def views(features: np.ndarray) -> dict[str, list[np.ndarray]]:
    """Features (N, C * 4) of the pooling 'time' in every pooling, as :class:`ProbeSearch` takes them."""
    steps = features.reshape(len(features), -1, PARTS).transpose(0, 2, 1)[:, :, None]  # (N, 4, 1, C)
    made = feature_views({_STAGE: steps}, POOLINGS[:2])
    return {**{name.partition('/')[2]: view for name, view in made.items()}, 'time': [features]}


def pooled(features: np.ndarray, pooling: str) -> np.ndarray:
    """Features (N, C * 4) of the pooling 'time' in another pooling, float32."""
    return views(features)[pooling][0].astype(np.float32)


def choose_probe(features: np.ndarray, labels: np.ndarray, groups: Sequence[str], seed: int = 0) -> ProbeSettings:
    """Choose pooling and weight decay by groups that are held out in turn; see :class:`ProbeSearch`.

    Args:
        features: (N, C * 4) of the pooling 'time'.
        labels: Classes int (N,).
        groups: Group of each clip.
        seed: Seed of the folds.
    """
    search = ProbeSearch(strengths=_DECAYS, folds=_FOLDS, seed=seed, nested=False)
    chosen = search(views(features), labels, groups).chosen
    return ProbeSettings(chosen.view, chosen.strength)


def fit_choice(features: np.ndarray, labels: np.ndarray, choice: ProbeSettings, classes: int) -> LinearProbe:
    """Train a probe with chosen settings on features of the pooling 'time'."""
    settings = Training(weight_decay=choice.weight_decay)
    return fit_probe(pooled(features, choice.pooling), labels, settings, num_classes=classes)


class Probed(NamedTuple):
    """Predictions of a probe.

    Attributes:
        predictions: Predicted class by path of the clip.
        choice: Settings of the probe.
        curve: For some clips the share of draws in which they are answered right, by the number of labels per class; '0'
            stands for all labels.
    """

    predictions: dict[str, int]
    choice: ProbeSettings
    curve: dict[str, dict[str, float]]


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
        return Probed(kept['predictions'], ProbeSettings(*kept['choice']), kept['curve'])
    own = [groups.get(known_name(name, groups) or '', name) for name in bank.names]
    choice = choose_probe(bank.features, bank.labels, own, seed)
    classes = int(max(bank.labels.max(), queries.labels.max())) + 1
    probe = fit_choice(bank.features, bank.labels, choice, classes)
    answers = probe.scores(pooled(queries.features, choice.pooling)).argmax(1).tolist()
    tested = [i for i, name in enumerate(queries.names) if known_name(name, groups) in curve_on]
    hits = label_curve(bank, queries.features[tested], queries.labels[tested], choice, seed) if tested else {}
    asked = [str(known_name(queries.names[i], groups)) for i in tested]
    curve = {count: dict(zip(asked, shares.tolist())) for count, shares in hits.items()}
    made = Probed(dict(zip(queries.names, answers)), choice, curve)
    write_whole(file, json.dumps(dict(key=key, **made._asdict())))
    return made


def label_curve(
    bank: FeatureBank, features: np.ndarray, labels: np.ndarray, choice: ProbeSettings, seed: int
) -> dict[str, np.ndarray]:
    """Share of draws (N,) in which each clip is answered right, by number of labels per class.

    A class with fewer clips than the number gives all it has.
    """
    rng = np.random.default_rng(seed)
    classes = int(max(bank.labels.max(), labels.max())) + 1
    most = int(np.bincount(bank.labels).max())
    found: dict[str, np.ndarray] = {}
    for count in COUNTS:
        if count >= most:
            continue
        draws = []
        for _ in range(_DRAWS if count else 1):
            rows = _drawn(bank.labels, count, rng) if count else np.arange(len(bank))
            probe = fit_choice(bank.features[rows], bank.labels[rows], choice, classes)
            answers = probe.scores(pooled(features, choice.pooling)).argmax(1).numpy()
            draws.append(answers == labels)
        found[str(count)] = np.mean(draws, axis=0)
    return found


def _drawn(labels: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    return np.concatenate([rng.permutation(np.flatnonzero(labels == label))[:count] for label in np.unique(labels)])


def known_name(path: str, names: Any) -> str | None:
    """The name of a video, of which a path in a store is the end; None if there is none."""
    parts = path.replace('\\', '/').split('/')
    return next((name for i in range(len(parts)) if (name := '/'.join(parts[i:])) in names), None)
