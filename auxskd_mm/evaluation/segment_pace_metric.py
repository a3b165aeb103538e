"""Accuracy on VSPP's task, with chance and ceiling beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from ..functional.pace import pace_names
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

_LABELS, _SCORES = ('pace_label', 'segment_label'), ('pred_pace', 'pred_segment')
_ADVICE = 'use SegmentPaceSample, PackActionInputs(algorithm_keys=...) and VSPPHead'


def segment_pace_accuracy(
    pace: np.ndarray,
    segment: np.ndarray,
    pace_pred: np.ndarray,
    segment_pred: np.ndarray,
    alike: Sequence[Any] | None = None,
    unchanged: int | None = 0,
    videos: Sequence[Any] | None = None,
) -> dict[str, Any]:
    """Accuracies of pace, segment and both, with chance and ceiling.

    Chance is the accuracy of the best constant answer. At the speed of the rest of the clip every segment gives the
    same frames, so a model can only guess the segment. A clip that wraps in a short video may show the same frames
    under other labels. The ceiling is the accuracy of a model that knows everything else perfectly.

    Args:
        pace: Labels int (N,).
        segment: Labels int (N,).
        pace_pred: Predictions int (N,).
        segment_pred: Predictions int (N,).
        alike: For each sample, all pairs (pace, segment) that give its frames, or None if there is only one pair.
        unchanged: Pace label at which every segment gives the same frames: 0 in VSPP. None if it does not occur.
        videos: The video of each sample. None takes each sample for a video of its own.

    Returns:
        ``{pace,segment,joint}_acc``, ``_chance`` and ``_ceiling``; ``segment_acc_paced`` (over samples whose pace
        is not ``unchanged``, NaN if there are none); and the interval and verdict of :func:`task_metrics` for pace and
        segment. A task with a single label is none and gets no verdict.
    """
    count = len(pace)
    pace_hit, segment_hit = pace_pred == pace, segment_pred == segment
    joint = pace * (int(segment.max()) + 1) + segment
    still = np.full(count, False) if unchanged is None else pace == unchanged
    groups = [
        frozenset(map(tuple, pairs)) if _wraps(pairs, unchanged) else ('still' if slow else None)
        for pairs, slow in zip(alike or [None] * count, still)
    ]
    tasks = dict(pace=(pace, pace_hit), segment=(segment, segment_hit))
    asked = {task: pair for task, pair in tasks.items() if len(set(pair[0].tolist())) > 1} or dict(pace=tasks['pace'])
    verdicts: dict[str, Any] = {}
    for task, (labels, hits) in asked.items():
        found = range(count) if videos is None else videos
        verdicts.update(task_metrics(task, hits, found, best_constant(labels), tasks=len(asked)))
    return (
        dict(
            pace_acc=float(pace_hit.mean()),
            pace_chance=best_constant(pace),
            segment_acc=float(segment_hit.mean()),
            segment_chance=best_constant(segment),
            pace_ceiling=best_within([None if group == 'still' else group for group in groups], pace),
            segment_ceiling=best_within(groups, segment),
            segment_acc_paced=float(segment_hit[~still].mean()) if (~still).any() else float('nan'),
            joint_acc=float((pace_hit & segment_hit).mean()),
            joint_chance=best_constant(joint),
            joint_ceiling=best_within(groups, joint),
        )
        | verdicts
    )


@METRICS.register_module()
class SegmentPaceMetric(BaseMetric):
    """Pace, segment and joint accuracy of VSPP. The log shows them in a table with explanations.

    The metric takes samples with ``pace_label``, ``segment_label``, ``pred_pace`` and ``pred_segment``. It leaves out
    samples that replace an unreadable video (``replacement``), so that no video counts twice.

    Args:
        speeds: Speeds of the pace labels, for the table. None takes the speeds of the sampler of the tested
            :class:`UnlabeledVideoDataset`. For other data sets the classes are numbered.
        kwargs: See MMEngine's ``BaseMetric``.

    Raises:
        InputError: If samples lack a label or prediction, or if no sample is left to evaluate.
    """

    default_prefix = 'vspp'
    measures = 'pretext task'

    def __init__(self, speeds: Sequence[float] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.speeds = speeds

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Keep labels and predictions of one batch."""
        for sample in data_samples:
            if sample.get('replacement'):
                continue
            require_keys(sample, (*_LABELS, *_SCORES), 'SegmentPaceMetric', _ADVICE)
            labels = (np.asarray(sample[key]).reshape(-1) for key in _LABELS)
            scores = (finite_scores(sample, key).argmax(-1).cpu().numpy().reshape(-1) for key in _SCORES)
            views = np.stack([*labels, *scores], axis=1)
            alike = sample.get('alike') or [None] * len(views)
            self.results.append((views, alike, video_of(sample, len(self.results))))

    def compute_metrics(self, results: list) -> dict[str, Any]:
        """Accuracies over all samples; see :func:`segment_pace_accuracy`."""
        require_results(results, 'SegmentPaceMetric')
        pace, segment, pace_pred, segment_pred = np.concatenate([views for views, *_ in results]).T
        alike = [pairs for _, own, _ in results for pairs in own]
        videos = [video for views, _, video in results for _ in views]
        unchanged = ((self.dataset_meta or {}).get('unanswerable') or {}).get('segment', 0)
        metrics = segment_pace_accuracy(pace, segment, pace_pred, segment_pred, alike, unchanged, videos)
        names = recorded_names(self.dataset_meta, 'pace') if self.speeds is None else pace_names(self.speeds)
        confusion = confusion_table('pace', pace, pace_pred, names)
        verdict = pretext_result(metrics)
        says = f'{verdict.lines}\n' if verdict else ''
        print_log(
            f'{len(pace)} clips\n{_table(metrics)}{says}{_ceilings(alike, unchanged, names)}{confusion}',
            logger='current',
        )
        return metrics


def _table(metrics: dict[str, Any]) -> str:
    rows = [f'{"":10}{"accuracy":>10}{"chance":>10}{"ceiling":>10}']
    for task in ('pace', 'segment', 'joint'):
        values = (metrics[f'{task}_acc'], metrics[f'{task}_chance'], metrics[f'{task}_ceiling'])
        rows.append(f'{task:10}' + ''.join(f'{100 * value:9.1f}%' for value in values))
    return '\n'.join(rows) + '\n'


def _wraps(pairs: Sequence[tuple[int, int]] | None, unchanged: int | None) -> bool:
    """Whether labels that look alike do so because the clip wraps: some of them are not of the unchanged speed."""
    return bool(pairs) and any(pace != unchanged for pace, _ in pairs or ())


def _ceilings(alike: Sequence[Any], unchanged: int | None, names: Sequence[str] | None) -> str:
    """Why the ceilings are below 1, a line for each reason."""
    text = ''
    if unchanged is not None:
        speed = names[unchanged].removesuffix('x') if names and unchanged < len(names) else unchanged + 1
        text += (
            f'ceiling: at speed {speed} all segments give the same frames, so there the segment can only be guessed\n'
        )
    count = sum(_wraps(pairs, unchanged) for pairs in alike)
    if count:
        text += f'ceiling: {count} clips go round in a short video and show the same frames under other labels\n'
    return text
