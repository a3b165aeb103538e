"""What features are worth with few labels: k-NN, linear probe and retrieval for each list of labelled videos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from ..datasets.list_formats import read_list
from ..errors import InputError
from ..registry import METRICS
from .feature_bank import FeatureBank, entries_of
from .feature_metric import FeatureMetric
from .linear_probe import NoValidationPart, ProbeSettings, fit_probe
from .linear_probe_metric import LinearProbeMetric
from .retrieval_metric import KNNMetric, RetrievalMetric
from .scores import scores_of


@METRICS.register_module()
class FewLabelsMetric(FeatureMetric):
    """Measure the same features with several numbers of labels per class; see :class:`FeatureMetric`.

    The features are extracted once. For each list, the gallery is the videos of that list.

    Args:
        lists: Files with one ``video label`` per line, by the number of labels per class. 0 stands for all labels. The
            results of several files (draws) of one number are averaged.
        neighbours: Number of neighbours that vote, at most the number of labels per class.
        fixed_weight_decay: Weight decay of a linear probe if no video or group can be held out to choose it. That is
            always so with one label per class.
        group_file: See :class:`LinearProbeMetric`.
        seed: Seed of the choice of the weight decay.
        kwargs: See :class:`FeatureMetric`.

    The results are ``knn/<n>``, ``linear/<n>`` and ``R@1/<n>`` for each number n of labels per class, and
    ``linear_mean_class/<n>``, the probe's mean class accuracy. The text
    ``linear_settings/<n>`` says whether the weight decay was chosen or fixed; ``tools/test.py`` copies it into the protocol.

    Raises:
        InputError: If there is no list, or a list names a video that has no features.
    """

    measures = 'frozen features by labels per class'

    def __init__(
        self,
        lists: Mapping[int, str | Sequence[str]],
        neighbours: int = 10,
        fixed_weight_decay: float = 1e-2,
        group_file: str | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not lists:
            raise InputError('FewLabelsMetric.lists is empty: give a list of videos by the number of labels per class')
        self.lists = {int(n): [files] if isinstance(files, str) else list(files) for n, files in lists.items()}
        self.neighbours, self.fixed, self.seed = neighbours, ProbeSettings(weight_decay=fixed_weight_decay), seed
        self.probe = LinearProbeMetric(group_file=group_file, seed=seed, device=self.device)

    def measure(self, gallery: FeatureBank, queries: FeatureBank) -> dict[str, Any]:
        """Return the mean over the draws of each number of labels."""
        found: dict[str, Any] = {}
        for count, files in self.lists.items():
            draws, settings = zip(*(self._draw(count, part_of(gallery, path), queries) for path in files))
            found.update({f'{key}/{count}': float(np.mean([draw[key] for draw in draws])) for key in draws[0]})
            found[f'linear_settings/{count}'] = '; '.join(dict.fromkeys(settings))
        return found

    def _draw(self, count: int, gallery: FeatureBank, queries: FeatureBank) -> tuple[dict[str, float], str]:
        neighbours = min(self.neighbours, count or self.neighbours)
        linear, mean_class, settings = self._linear(gallery, queries)
        accuracies = {
            'knn': KNNMetric(k=neighbours, device=self.device).measure(gallery, queries)['top1'],
            'R@1': RetrievalMetric(ks=(1,), device=self.device).measure(gallery, queries)['R@1'],
            'linear': linear,
            'linear_mean_class': mean_class,
        }
        return accuracies, settings

    def _linear(self, gallery: FeatureBank, queries: FeatureBank) -> tuple[float, float, str]:
        try:
            found = self.probe.measure(gallery, queries)
            return float(found['top1']), float(found['mean_class']), found['settings']
        except NoValidationPart as error:
            print_log(f'{error}; weight decay {self.fixed.weight_decay:g} is taken', logger='current')
        classes = int(max(gallery.labels.max(), queries.labels.max())) + 1
        probe = fit_probe(gallery.features, gallery.labels, self.fixed, num_classes=classes, device=self.device)
        settings = f'{self.fixed.solver}, weight decay {self.fixed.weight_decay:g}, fixed: nothing can be held out'
        scores = scores_of(queries.labels, probe.scores(queries.features).argmax(1).cpu().numpy())
        return scores.top1, scores.mean_class, settings


def part_of(bank: FeatureBank, path: str | Path) -> FeatureBank:
    """The features of the videos that a list names, or of their copies in a store.

    Raises:
        InputError: If the list is missing, or a video of it has no features.
    """
    if not Path(path).is_file():
        raise InputError(f'FewLabelsMetric.lists: no file {path}')
    names = {entry.name for entry in read_list(str(path), labeled=True)[0]}
    entries = entries_of(names, bank.names)
    lost = sorted(names - set(entries.values()))
    if lost:
        raise InputError(f'{path}: {len(lost)} labelled videos have no features, e.g. {lost[0]}')
    return bank.rows([i for i, name in enumerate(bank.names) if name in entries])
