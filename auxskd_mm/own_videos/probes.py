"""Linear probes on the features that a cell has kept, and the learning curve over the number of labels."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..choices import PROBE_POOLINGS, TIME_PARTS
from ..evaluation.feature_bank import FeatureBank
from ..evaluation.linear_probe import LinearProbe, fit_probe
from ..evaluation.linear_probe import ProbeSettings as Training
from ..evaluation.probes import ProbeSearch, draw_few, feature_views
from ..files import read_record, write_whole
from ..models.modules.protocol_pooling import PYRAMID_PARTS
from ..recipes.step_records import digest

_DECAYS = (1e-3, 1e-2, 1e-1, 1.0)
_FOLDS = 2
COUNTS = (1, 5, 10, 20, 0)  # labels per class, 0 for all
_DRAWS = 5
_FILE, _CURVE = 'own_probe.json', 'own_curve.json'
_STAGE = 'maps'


class ProbeSettings(NamedTuple):
    """Pooling and weight decay of a probe, chosen on groups inside the clips that it learns from."""

    pooling: str
    weight_decay: float

    def text(self) -> str:
        """In words."""
        return f'pooling {self.pooling}, weight decay {self.weight_decay:g}'


def views(features: np.ndarray) -> dict[str, list[np.ndarray]]:
    """Features (N, C * 20) of the pooling 'pyramid' in every pooling, as :class:`ProbeSearch` takes them."""
    time, grid = np.split(features, [features.shape[1] * PYRAMID_PARTS['time'] // PYRAMID_PARTS['pyramid']], axis=1)
    steps = time.reshape(len(features), -1, TIME_PARTS).transpose(0, 2, 1)[:, :, None]  # (N, 4, 1, C)
    made = feature_views({_STAGE: steps}, PROBE_POOLINGS[:2])
    return {**{name.partition('/')[2]: view for name, view in made.items()}, 'time': [time], 'grid': [grid]}


def pooled(features: np.ndarray, pooling: str) -> np.ndarray:
    """Features (N, C * 20) of the pooling 'pyramid' in another pooling, float32."""
    return views(features)[pooling][0].astype(np.float32)


def choose_probe(features: np.ndarray, labels: np.ndarray, groups: Sequence[str], seed: int = 0) -> ProbeSettings:
    """Choose pooling and weight decay by groups that are held out in turn; see :class:`ProbeSearch`.

    Args:
        features: (N, C * 20) of the pooling 'pyramid'.
        labels: Classes int (N,).
        groups: Group of each clip.
        seed: Seed of the folds.
    """
    search = ProbeSearch(strengths=_DECAYS, folds=_FOLDS, seed=seed, nested=False)
    chosen = search(views(features), labels, groups).chosen
    return ProbeSettings(chosen.view, chosen.strength)


def fit_choice(features: np.ndarray, labels: np.ndarray, choice: ProbeSettings, classes: int) -> LinearProbe:
    """Train a probe with chosen settings on features of the pooling 'pyramid'."""
    settings = Training(weight_decay=choice.weight_decay)
    return fit_probe(pooled(features, choice.pooling), labels, settings, num_classes=classes)


class Probed(NamedTuple):
    """Predicted class by path of the clip, and the settings of the probe that predicts."""

    predictions: dict[str, int]
    choice: ProbeSettings


def probe_cell(folder: Path, groups: dict[str, str], seed: int = 0) -> Probed:
    """Fit a probe on the gallery of a cell and predict its queries. The result is kept beside the features.

    Args:
        folder: Folder ``features`` of the cell, with ``gallery.npz`` and ``query.npz``.
        groups: Group by name of the clip; the names are the ends of the paths.
        seed: Seed of the folds.
    """
    bank, queries = _banks(folder)
    key = digest([bank.labels.tolist(), sorted(groups.items()), seed, PROBE_POOLINGS, _DECAYS])
    kept = _kept(folder / _FILE, key)
    if kept is not None:
        return Probed(kept['predictions'], ProbeSettings(*kept['choice']))
    own = [groups.get(known_name(name, groups) or '', name) for name in bank.names]
    choice = choose_probe(bank.features, bank.labels, own, seed)
    probe = fit_choice(bank.features, bank.labels, choice, _classes(bank, queries))
    answers = probe.scores(pooled(queries.features, choice.pooling)).argmax(1).tolist()
    made = Probed(dict(zip(queries.names, answers)), choice)
    write_whole(folder / _FILE, json.dumps(dict(key=key, **made._asdict())))
    return made


def curve_of_cell(
    folder: Path, asked: Collection[str], choice: ProbeSettings, seed: int = 0
) -> dict[str, dict[str, float]]:
    """Learning curve of the probe of a cell. The result is kept beside the features.

    The settings are those that were chosen with all labels, since a few labels leave nothing to choose by.

    Args:
        folder: Folder ``features`` of the cell.
        asked: Names of the clips to answer.
        choice: Settings of the probe.
        seed: Seed of the draws.

    Returns:
        By number of labels per class ('0' for all) the share of draws in which each clip is answered right.
    """
    bank, queries = _banks(folder)
    key = digest([bank.labels.tolist(), sorted(asked), list(choice), seed, COUNTS, _DRAWS])
    kept = _kept(folder / _CURVE, key)
    if kept is not None:
        return dict(kept['curve'])
    names = [known_name(name, asked) for name in queries.names]
    rows = [i for i, name in enumerate(names) if name is not None]
    hits = label_curve(bank, queries.features[rows], queries.labels[rows], choice, seed)
    curve = {count: dict(zip((str(names[i]) for i in rows), shares.tolist())) for count, shares in hits.items()}
    write_whole(folder / _CURVE, json.dumps(dict(key=key, curve=curve)))
    return curve


def label_curve(
    bank: FeatureBank, features: np.ndarray, labels: np.ndarray, choice: ProbeSettings, seed: int
) -> dict[str, np.ndarray]:
    """Share of draws (N,) in which each clip is answered right, by number of labels per class.

    A class with fewer clips than the number gives all it has.
    """
    classes = int(max(bank.labels.max(), labels.max())) + 1
    most = int(np.bincount(bank.labels).max())
    found: dict[str, np.ndarray] = {}
    for count in COUNTS:
        if count >= most:
            continue
        drawn = draw_few(bank.labels, count, _DRAWS, seed, fewer=True) if count else [np.arange(len(bank))]
        hits = []
        for rows in drawn:
            probe = fit_choice(bank.features[rows], bank.labels[rows], choice, classes)
            hits.append(probe.scores(pooled(features, choice.pooling)).argmax(1).numpy() == labels)
        found[str(count)] = np.mean(hits, axis=0)
    return found


def _banks(folder: Path) -> tuple[FeatureBank, FeatureBank]:
    return FeatureBank.load(folder / 'gallery.npz'), FeatureBank.load(folder / 'query.npz')


def _classes(*banks: FeatureBank) -> int:
    return int(max(bank.labels.max() for bank in banks)) + 1


def _kept(file: Path, key: str) -> dict[str, Any] | None:
    """What a file holds, if it was made of the same."""
    kept = read_record(file)
    return kept if kept.get('key') == key else None


def known_name(path: str, names: Collection[str]) -> str | None:
    """The name of a video, of which a path in a store is the end; None if there is none."""
    parts = path.replace('\\', '/').split('/')
    return next((name for i in range(len(parts)) if (name := '/'.join(parts[i:])) in names), None)
