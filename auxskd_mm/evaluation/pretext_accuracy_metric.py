"""Accuracy on classification pretext tasks, with chance beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from ..errors import InputError
from ..registry import METRICS
from .accuracy import (
    best_constant,
    best_within,
    confusion_table,
    finite_scores,
    recorded_names,
    require_keys,
    require_results,
)
from .pretext.learned import pretext_result, task_metrics, video_of

_MOST_CLASSES = 10  # a wider confusion table does not fit a terminal


@METRICS.register_module()
class PretextAccuracyMetric(BaseMetric):
    """Accuracy of each task, logged with its chance level: pace (VideoPace), order (VCOP), or any other.

    A task ``x`` compares ``x_label``, which the sampler draws, with the argmax of ``pred_x``, which the head writes.
    Samples that replace an unreadable video (``replacement``) are left out, so that no video counts twice. For VSPP's
    pair of tasks see :class:`SegmentPaceMetric`.

    The results for each task are those of :func:`task_metrics`. Chance is the share of the most frequent label, the accuracy
    of a constant answer. The 95% interval counts several clips of one video as related. Where clips wrap in short videos
    and show the same frames under several labels, ``{task}_ceiling`` is the highest accuracy that any model can reach.

    Args:
        tasks: Names of the tasks.
        class_names: Names of the classes of a task, for its confusion table (of at most 10 classes), e.g.
            ``dict(order=['012', '021', '102', '120', '201', '210'])``. Not needed where the data set is an
            :class:`UnlabeledVideoDataset` and its sampler has ``tasks``.
        kwargs: See MMEngine's ``BaseMetric``.

    Raises:
        InputError: If there is no task, if samples lack a label or prediction, or if no sample is left to evaluate.
    """

    default_prefix = 'pretext'
    measures = 'pretext task'

    def __init__(
        self,
        tasks: Sequence[str] = ('pace',),
        class_names: Mapping[str, Sequence[str]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.tasks = [tasks] if isinstance(tasks, str) else list(tasks)
        if not self.tasks:
            raise InputError("PretextAccuracyMetric.tasks is empty: name at least one, e.g. ['pace'] or ['order']")
        self.class_names = dict(class_names or {})

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Keep labels and predictions of one batch."""
        for sample in data_samples:
            if not sample.get('replacement'):
                result: dict[str, Any] = {task: _pair(sample, task) for task in self.tasks}
                if sample.get('alike'):  # of a sampler with one task
                    result['alike'] = sample['alike']
                result['video'] = video_of(sample, len(self.results))
                self.results.append(result)

    def compute_metrics(self, results: list) -> dict[str, Any]:
        """Accuracies over all samples.

        Raises:
            InputError: If no sample was evaluated.
        """
        require_results(results, 'PretextAccuracyMetric')
        metrics: dict[str, Any] = {}
        text = [f'{"":10}{"clips":>8}{"accuracy":>10}{"+-":>7}{"chance":>9}']
        tables = []
        for task in self.tasks:
            label, prediction = np.concatenate([result[task] for result in results]).T
            videos = [result['video'] for result in results for _ in result[task]]
            chance = best_constant(label)
            metrics.update(task_metrics(task, label == prediction, videos, chance, tasks=len(self.tasks)))
            accuracy, interval = metrics[f'{task}_acc'], metrics[f'{task}_ci95']
            groups = [key for result in results for key in _groups(result, task)]
            if any(groups):
                metrics[f'{task}_ceiling'] = ceiling = best_within(groups, label)
                tables.append(
                    f'{task} ceiling {100 * ceiling:.1f}%: {sum(map(bool, groups))} clips go round in a short video and '
                    'show the same frames under other labels'
                )
            text.append(f'{task:10}{len(label):8}{100 * accuracy:9.1f}%{100 * interval:6.1f}%{100 * chance:8.1f}%')
            if max(label.max(), prediction.max()) < _MOST_CLASSES:
                names = recorded_names(self.dataset_meta, task)
                tables.append(confusion_table(task, label, prediction, self.class_names.get(task, names)))
        verdict = pretext_result(metrics)
        print_log('\n'.join([*text, verdict.lines if verdict else '', *tables]), logger='current')
        return metrics


def _groups(result: dict, task: str) -> list[Any]:
    """For each view of a sample, the labels with the same frames, or None if the label is certain."""
    views = result.get('alike') or [None] * len(result[task])
    return [frozenset(labels) if labels and len(labels) > 1 else None for labels in map(_flat, views)]


def _flat(labels: Any) -> list[int] | None:
    return [label for (label,) in labels] if labels and all(len(label) == 1 for label in labels) else None


def _pair(sample: dict, task: str) -> np.ndarray:
    """Pairs of label and prediction of one sample, int64 (V, 2)."""
    keys = (f'{task}_label', f'pred_{task}')
    advice = f'check tasks={[task]} against the sampler, PackActionInputs(algorithm_keys=...) and the head'
    require_keys(sample, keys, 'PretextAccuracyMetric', advice)
    labels = np.asarray(sample[keys[0]], dtype=np.int64).reshape(-1)
    scores = finite_scores(sample, keys[1])
    return np.stack([labels, scores.argmax(-1).cpu().numpy().reshape(-1)], axis=1)
