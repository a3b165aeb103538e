"""Choice of stages, pooling and regularisation of a probe, by nested validation on groups inside the training part."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from ...errors import InputError
from ..linear_probe import NoValidationPart, varies
from ..scores import Scores, scores_of, units_of
from .attentive import AttentiveProbe

# Numbers in the features of a fold up to which one thread is the fastest: benchmarks/probe_search.py.
_SMALL = 1_000_000

CLASSIFIERS = ('logistic', 'ridge')
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)


class Candidate(NamedTuple):
    """A probe that may be chosen: its feature (see :func:`feature_views`), its classifier and its regularisation."""

    view: str
    classifier: str
    strength: float

    @property
    def text(self) -> str:
        """For records."""
        kind = 'attentive' if self.view.endswith('/attentive') else self.classifier
        return f'{self.view}, {kind}, strength {self.strength:g}'


@dataclass
class ProbeChoice:
    """Result of a search. Validation and test are apart: nothing is chosen on test videos.

    Attributes:
        chosen: The chosen probe.
        validation: Scores of the whole procedure on held-out groups of the training part: each outer fold is scored by
            the probe that the other folds chose. So the choice does not make them optimistic. None if nothing could be
            held out.
        test: Scores of the chosen probe, trained on the whole training part, on the test videos. None without test.
        chance: Accuracy of the best constant answer on the test videos; without a test, on the training videos.
        table: Candidates with their inner validation score, best one first. The best of many is optimistic.
        predictions: Classes of the test videos.
        note: What could not be done, such as a choice without validation.
    """

    chosen: Candidate
    validation: Scores | None
    test: Scores | None
    chance: float
    table: list[dict[str, Any]] = field(default_factory=list)
    predictions: np.ndarray | None = None
    note: str = ''

    def record(self) -> dict[str, Any]:
        """The result as JSON types, without predictions."""
        made = {key: value for key, value in asdict(self).items() if key != 'predictions'}
        made['chosen'] = dict(self.chosen._asdict(), text=self.chosen.text)
        for key in ('validation', 'test'):
            found = getattr(self, key)
            made[key] = None if found is None else dict(found._asdict())
        return made


class ProbeSearch:
    """Search of a probe on cached features.

    The training part is divided into outer folds by groups, and each of their training parts again into inner folds.
    Inner folds choose the candidate; outer folds say what such a choice is worth. At last all training videos choose,
    and the chosen probe is trained on all of them.

    Args:
        classifiers: 'logistic' and 'ridge', scikit-learn's. Attentive features have their own, :class:`AttentiveProbe`.
        strengths: Regularisations w to try. Logistic regression and attentive probe minimise
            mean(cross entropy) + w / 2 * ||W||^2, ridge has alpha = w * N.
        folds: Largest number of folds, outer and inner. Few groups give fewer.
        score: 'top1' or 'mean_class', by which the candidate is chosen.
        seed: Seed of the folds.
        nested: Whether to measure what the choice is worth. Without it there is no ``validation``, in a third of the time.

    Raises:
        InputError: For an unknown classifier or score, or a number below its range.
    """

    def __init__(
        self,
        classifiers: Sequence[str] = ('logistic',),
        strengths: Sequence[float] = STRENGTHS,
        folds: int = 3,
        score: str = 'top1',
        seed: int = 0,
        nested: bool = True,
    ) -> None:
        bad = [name for name in classifiers if name not in CLASSIFIERS]
        if bad or not classifiers:
            raise InputError(f"probe search: classifiers={list(classifiers)}, expected some of 'logistic', 'ridge'")
        if score not in ('top1', 'mean_class'):
            raise InputError(f"probe search: score={score!r}, expected 'top1' or 'mean_class'")
        if folds < 2 or not strengths or min(strengths) <= 0:
            raise InputError(f'probe search: folds={folds}, strengths={list(strengths)}; expected at least 2, above 0')
        self.classifiers, self.strengths = tuple(classifiers), tuple(strengths)
        self.folds, self.score, self.seed, self.nested = folds, score, seed, nested

    def __call__(
        self,
        views: Mapping[str, Sequence[np.ndarray]],
        labels: np.ndarray,
        groups: Sequence[Any] | None = None,
        test_views: Mapping[str, Sequence[np.ndarray]] | None = None,
        test_labels: np.ndarray | None = None,
    ) -> ProbeChoice:
        """Search.

        Args:
            views: Features of the N training videos, from :func:`feature_views`.
            labels: Classes int (N,).
            groups: Group of each training video (recording, person). No group is on both sides of a fold. None takes each
                video for a group of its own.
            test_views: Features of the test videos.
            test_labels: Their classes.

        Returns:
            The choice. With too few groups or videos of a class for two folds there is no validation. The first view
            (its mean) with the middle strength is then taken, and ``note`` says so.

        Raises:
            InputError: If numbers of videos differ, or there is a single class.
        """
        labels = np.asarray(labels)
        units = units_of(len(labels), groups)
        lengths = {name: {len(part) for part in parts} for name, parts in views.items()}
        if not lengths or any(own != {len(labels)} for own in lengths.values()) or len(units) != len(labels):
            raise InputError(f'probe search: {len(labels)} labels, features of {lengths} videos, {len(units)} groups')
        if len(np.unique(labels)) < 2:
            raise InputError('probe search: all videos have one class, there is nothing to learn')
        rows = np.arange(len(labels))
        try:
            table = self._table(views, labels, units, rows)
            validation = self._nested(views, labels, units) if self.nested else None
            chosen, note = _best(table), ''
        except NoValidationPart as error:
            name = next((name for name in reversed(list(views)) if '+' not in name and name.endswith('/mean')), None)
            fixed = self.strengths[len(self.strengths) // 2]
            chosen = Candidate(name or next(iter(views)), self.classifiers[0], fixed)
            table, validation, note = {}, None, f'{error}: nothing was chosen'
        test = predictions = None
        if test_views is not None and test_labels is not None:
            probe = self._fit(_Parts(views[chosen.view]), labels, chosen)
            predictions = probe.predict(test_views[chosen.view])
            test = scores_of(np.asarray(test_labels), predictions)
        asked = labels if test_labels is None else np.asarray(test_labels)
        return ProbeChoice(
            chosen,
            validation,
            test,
            float(np.unique(asked, return_counts=True)[1].max() / len(asked)),
            [dict(candidate._asdict(), score=score) for candidate, score in sorted(table.items(), key=_falling)],
            predictions,
            note,
        )

    def _candidates(self, views: Mapping[str, Any]) -> list[Candidate]:
        return [
            Candidate(view, classifier, strength)
            for view, strength in product(views, self.strengths)
            for classifier in (self.classifiers[:1] if view.endswith('/attentive') else self.classifiers)
        ]

    def _nested(self, views: Mapping[str, Any], labels: np.ndarray, units: np.ndarray) -> Scores | None:
        """Scores of held-out folds by the candidates that the other folds choose. None if they cannot be divided."""
        answers = np.full(len(labels), -1)
        for train, held in _folds(labels, units, self.folds, self.seed):
            try:
                table = self._table(views, labels, units, train)
            except NoValidationPart:
                return None
            view = views[_best(table).view]
            probe = self._fit(_Parts(view, train), labels[train], _best(table))
            answers[held] = probe.predict(_take(view, held))
        return scores_of(labels, answers)

    def _table(
        self, views: Mapping[str, Any], labels: np.ndarray, units: np.ndarray, rows: np.ndarray
    ) -> dict[Candidate, float]:
        """Score of each candidate by cross validation inside some rows."""
        candidates = self._candidates(views)
        answers = {candidate: np.full(len(rows), -1) for candidate in candidates}
        for train, held in _folds(labels[rows], units[rows], self.folds, self.seed):
            for view in views:
                parts = _Parts(views[view], rows[train])
                for candidate in (one for one in candidates if one.view == view):
                    probe = self._fit(parts, labels[rows[train]], candidate)
                    answers[candidate][held] = probe.predict(_take(views[view], rows[held]))
        return {one: float(getattr(scores_of(labels[rows], own), self.score)) for one, own in answers.items()}

    def _fit(self, parts: _Parts, labels: np.ndarray, candidate: Candidate) -> Any:
        if candidate.view.endswith('/attentive'):
            return AttentiveProbe(candidate.strength).fit(parts.arrays, labels)
        return _Linear(candidate.classifier, candidate.strength).fit(parts, labels)


class _Parts:
    """Training features of one fold, standardised and rotated to at most as many axes as there are videos.

    The rotation changes no prediction, since the penalty is that of the length of a vector, and it saves most of the
    time. It is made once for all strengths.
    """

    def __init__(self, view: Sequence[np.ndarray], rows: np.ndarray | slice = slice(None)) -> None:
        self.arrays = _take(view, rows)

    @cached_property
    def mean(self) -> np.ndarray:
        return self.arrays[0].mean(0, dtype=np.float64)

    @cached_property
    def std(self) -> np.ndarray:
        std = self.arrays[0].std(0, dtype=np.float64)
        return np.where(varies(self.mean, std), std, 1.0)

    @cached_property
    def axes(self) -> np.ndarray | None:
        x = (self.arrays[0] - self.mean) / self.std
        return np.linalg.svd(x, full_matrices=False)[2].T if x.shape[1] > len(x) else None

    def turned(self, features: np.ndarray) -> np.ndarray:
        """Features (N, D) on the axes."""
        x = (np.asarray(features, dtype=np.float64) - self.mean) / self.std
        return x if self.axes is None else x @ self.axes

    @cached_property
    def own(self) -> np.ndarray:
        return self.turned(self.arrays[0])


class _Linear:
    """A classifier of scikit-learn on standardised features."""

    def __init__(self, classifier: str, strength: float) -> None:
        self.classifier, self.strength = classifier, strength

    def fit(self, parts: _Parts, labels: np.ndarray) -> _Linear:
        from sklearn.linear_model import LogisticRegression, RidgeClassifier
        from threadpoolctl import threadpool_limits

        self.parts, count = parts, len(labels)
        if self.classifier == 'ridge':
            self.model = RidgeClassifier(alpha=self.strength * count)
        else:
            inverse = 1 / (self.strength * count)
            if len(np.unique(labels)) == 2:
                # scikit-learn then has the difference of the two vectors of W alone, whose square is twice theirs together.
                inverse *= 2
            self.model = LogisticRegression(C=inverse, max_iter=300, tol=1e-3)
        # Threads wait for each other longer than a small step takes. None leaves their number as it is.
        threads = 1 if parts.own.size <= _SMALL else None
        with warnings.catch_warnings(), threadpool_limits(threads, 'blas'):
            warnings.simplefilter('ignore')  # a weak penalty need not converge to be compared
            self.model.fit(parts.own, labels)
        return self

    def predict(self, features: Sequence[np.ndarray]) -> np.ndarray:
        return self.model.predict(self.parts.turned(features[0]))


def _folds(labels: np.ndarray, units: np.ndarray, most: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Folds by groups; every class of a held-out part is in its training part.

    Raises:
        NoValidationPart: If there are no two such folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    units_of = [len(np.unique(units[labels == label])) for label in np.unique(labels)]
    for count in range(min(most, len(np.unique(units))), 1, -1):
        for attempt in range(5):
            maker = StratifiedGroupKFold(count, shuffle=True, random_state=seed + 1000 * attempt)
            with warnings.catch_warnings():
                warnings.simplefilter('ignore')  # a class with fewer videos than folds
                try:
                    made = list(maker.split(labels, labels, units))
                except ValueError:  # no class has as many videos as folds
                    break
            if all(len(held) and set(labels[held]) <= set(labels[train]) for train, held in made):
                return made
    raise NoValidationPart(
        f'{len(np.unique(units))} groups, {min(units_of)} of the rarest class, cannot be divided so that every class is '
        'on both sides'
    )


def _take(view: Sequence[np.ndarray], rows: np.ndarray | slice) -> list[np.ndarray]:
    return [part[rows] for part in view]


def _best(table: Mapping[Candidate, float]) -> Candidate:
    """The best candidate; of equal ones the most regularised, since it is the safer choice."""
    return max(table, key=lambda candidate: (round(table[candidate], 9), candidate.strength))


def _falling(item: tuple[Candidate, float]) -> tuple[float, float]:
    return -item[1], -item[0].strength
