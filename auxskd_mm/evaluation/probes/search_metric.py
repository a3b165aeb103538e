"""The search of probes as a metric: choose on the gallery by groups, test on the queries once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from ...files import write_whole
from ...records.predictions import write_answers
from ...registry import METRICS
from ..feature_bank import FeatureBank
from ..feature_metric import FeatureMetric
from ..few_labels_metric import part_of
from ..linear_probe_metric import GroupSource
from .labels import permuted
from .search import STRENGTHS, ProbeChoice, ProbeSearch
from .views import POOLINGS, feature_views, stages_of


@METRICS.register_module()
class ProbeSearchMetric(FeatureMetric):
    """Accuracy of the probe that validation chooses; see :class:`ProbeSearch` and :class:`FeatureMetric`.

    ``ClipFeatureHead(pooling='stages')`` keeps what the poolings need, of every stage that the backbone yields
    (``out_indices``). With any other pooling there is one feature, and only the regularisation is chosen.

    The results are ``top1`` and ``mean_class`` of the chosen probe on the queries, ``val_top1`` and ``val_mean_class`` of
    the whole procedure on held-out groups of the gallery, and the text ``settings``. With ``lists``, all of them are
    measured for each number of labels per class, as ``top1/<n>`` and so on: means over the draws, with the standard
    deviation ``top1_spread/<n>``.

    Args:
        poolings: See :func:`feature_views`.
        classifiers: See :class:`ProbeSearch`.
        strengths: See :class:`ProbeSearch`.
        folds: See :class:`ProbeSearch`.
        score: See :class:`ProbeSearch`.
        lists: See :class:`FewLabelsMetric`.
        group_file: See :class:`LinearProbeMetric`.
        group_pattern: See :class:`LinearProbeMetric`.
        permute_labels: Give the gallery its labels in a random order. The accuracy must then be that of chance.
        seed: Seed of the folds and of the order.
        kwargs: See :class:`FeatureMetric`; ``save_to`` also gets ``predictions.json`` and ``probe_search.json``.
    """

    default_prefix = 'probe'
    measures = 'probe search'
    takes_lists = True

    def __init__(
        self,
        poolings: Sequence[str] = POOLINGS,
        classifiers: Sequence[str] = ('logistic',),
        strengths: Sequence[float] = STRENGTHS,
        folds: int = 3,
        score: str = 'top1',
        lists: Mapping[int, str | Sequence[str]] | None = None,
        group_file: str | None = None,
        group_pattern: str | None = None,
        permute_labels: bool = False,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.poolings, self.permute_labels, self.seed = tuple(poolings), permute_labels, seed
        self.search = ProbeSearch(classifiers, strengths, folds, score, seed)
        self.groups = GroupSource(group_pattern, group_file, type(self).__name__)
        self.lists = {int(n): [files] if isinstance(files, str) else list(files) for n, files in (lists or {}).items()}

    def measure(self, gallery: FeatureBank, queries: FeatureBank) -> dict[str, Any]:
        """Search, and write predictions and the table of candidates."""
        if not self.lists:
            return _results(self._choose(gallery, queries, keep=True))
        found: dict[str, Any] = {}
        for count, files in self.lists.items():
            draws = [_results(self._choose(part_of(gallery, path), queries)) for path in files]
            for key in dict.fromkeys(key for draw in draws for key in draw):
                values = [draw[key] for draw in draws if key in draw]
                text = isinstance(values[0], str)
                found[f'{key}/{count}'] = '; '.join(dict.fromkeys(values)) if text else float(np.mean(values))
            found[f'top1_spread/{count}'] = float(np.std([draw['top1'] for draw in draws]))
        return found

    def _choose(self, gallery: FeatureBank, queries: FeatureBank, *, keep: bool = False) -> ProbeChoice:
        labels = permuted(gallery.labels, self.seed) if self.permute_labels else gallery.labels
        views, test_views = (feature_views(stages_of(bank), self.poolings) for bank in (gallery, queries))
        choice = self.search(views, labels, self.groups.of(gallery.names), test_views, queries.labels)
        lines = [
            f'  {row["view"]}, {row["classifier"]}, {row["strength"]:g}: {100 * row["score"]:.1f}%'
            for row in choice.table
        ]
        print_log('\n'.join([f'chosen probe: {choice.chosen.text} {choice.note}', *lines[:10]]), logger='current')
        if keep and self.save_to is not None and choice.predictions is not None:
            write_answers(self.save_to, queries.names, queries.labels.tolist(), choice.predictions.tolist())
            write_whole(Path(self.save_to, 'probe_search.json'), json.dumps(choice.record(), indent=1))
        return choice


def _results(choice: ProbeChoice) -> dict[str, Any]:
    assert choice.test is not None
    made: dict[str, Any] = dict(top1=choice.test.top1, mean_class=choice.test.mean_class)
    if choice.validation is not None:
        made.update(val_top1=choice.validation.top1, val_mean_class=choice.validation.mean_class)
    how = f'fixed: {choice.note}' if choice.note else f'chosen among {len(choice.table)}'
    return dict(made, settings=f'{choice.chosen.text}, {how}')
