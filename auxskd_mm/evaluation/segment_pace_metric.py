"""Accuracy on VSPP's task, with chance and ceiling beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from ..functional.pace import pace_names
from ..registry import METRICS
from .accuracy import best_constant, ci95, confusion_table, finite_scores, recorded_names


def segment_pace_accuracy(
    pace: np.ndarray, segment: np.ndarray, pace_pred: np.ndarray, segment_pred: np.ndarray
) -> dict[str, float]:
    """Accuracies of pace, segment and both, with chance and ceiling.

    Chance is the share of the best constant answer. At speed 1 every segment gives the same frames, so there the
    segment can only be guessed: the ceiling is what perfect knowledge of everything else reaches.

    Args:
        pace: Labels int (N,), 0 is speed 1.
        segment: Labels int (N,).
        pace_pred: Predictions int (N,).
        segment_pred: Predictions int (N,).

    Returns:
        ``{pace,segment,joint}_acc``, ``_chance``, ``segment_ceiling``, ``joint_ceiling``, ``segment_acc_paced``
        (samples whose speed is not 1, NaN if there are none) and ``pace_ci95``, the half width of the normal 95%
        interval of pace_acc.
    """
    count = len(pace)
    pace_hit, segment_hit = pace_pred == pace, segment_pred == segment
    joint = pace * (int(segment.max()) + 1) + segment
    still = pace == 0
    guessed = np.bincount(segment[still]).max() if still.any() else 0
    ceiling = float((~still).sum() + guessed) / count
    accuracy = float(pace_hit.mean())
    return dict(
        pace_acc=accuracy,
        pace_chance=best_constant(pace),
        pace_ci95=ci95(accuracy, count),
        segment_acc=float(segment_hit.mean()),
        segment_chance=best_constant(segment),
        segment_ceiling=ceiling,
        segment_acc_paced=float(segment_hit[~still].mean()) if (~still).any() else float('nan'),
        joint_acc=float((pace_hit & segment_hit).mean()),
        joint_chance=best_constant(joint),
        joint_ceiling=ceiling,
    )


@METRICS.register_module()
class SegmentPaceMetric(BaseMetric):
    """Pace, segment and joint accuracy of VSPP, logged with a table of what they mean.

    Takes samples with ``pace_label``, ``segment_label``, ``pred_pace`` and ``pred_segment``; leaves out samples that
    stand in for an unreadable video (``replacement``), so that no video counts twice.

    Args:
        speeds: What the pace labels stand for, for the table. None takes what the sampler of the tested
            :class:`UnlabeledVideoDataset` draws; for other data sets the classes are numbered.
        collect_device: As in MMEngine.
        prefix: Prefix of the metric names.
    """

    default_prefix = 'vspp'

    def __init__(
        self, collect_device: str = 'cpu', prefix: str | None = None, speeds: Sequence[float] | None = None
    ) -> None:
        super().__init__(collect_device, prefix)
        self.speeds = speeds

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep labels and predictions of one batch."""
        for sample in data_samples:
            if sample.get('replacement'):
                continue
            labels = (np.asarray(sample[key]).reshape(-1) for key in ('pace_label', 'segment_label'))
            scores = (
                finite_scores(sample, key).argmax(-1).cpu().numpy().reshape(-1) for key in ('pred_pace', 'pred_segment')
            )
            self.results.append(np.stack([*labels, *scores], axis=1))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Accuracies over all samples; see :func:`segment_pace_accuracy`."""
        pace, segment, pace_pred, segment_pred = np.concatenate(results).T
        metrics = segment_pace_accuracy(pace, segment, pace_pred, segment_pred)
        names = recorded_names(self.dataset_meta, 'pace') if self.speeds is None else pace_names(self.speeds)
        confusion = confusion_table('pace', pace, pace_pred, names)
        print_log(f'{len(pace)} clips\n{_table(metrics)}{confusion}', logger='current')
        return metrics


def _table(metrics: dict[str, float]) -> str:
    rows = [f'{"":10}{"accuracy":>10}{"chance":>10}{"ceiling":>10}']
    for task in ('pace', 'segment', 'joint'):
        values = (metrics[f'{task}_acc'], metrics[f'{task}_chance'], metrics.get(f'{task}_ceiling', 1.0))
        rows.append(f'{task:10}' + ''.join(f'{100 * value:9.1f}%' for value in values))
    rows.append('ceiling: at speed 1 all segments give the same frames, so there the segment can only be guessed\n')
    return '\n'.join(rows)
