"""Accuracy over several clips per video. The result records the kind of average."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmaction.evaluation import top_k_accuracy
from mmengine.evaluator import BaseMetric

from ..errors import InputError, check_choice
from ..registry import METRICS
from .accuracy import finite_scores, require_keys, require_results
from .scores import scores_of

AVERAGES = ('logits', 'probabilities')


def average_clips(scores: np.ndarray, average: str) -> np.ndarray:
    """Mean over the clips of a video.

    Args:
        scores: Logits (V, C).
        average: 'logits' (VCOP, RSPNet) or 'probabilities' (the softmax of each clip first).

    Returns:
        Mean logits or probabilities (C,).

    Raises:
        InputError: For another average.
    """
    check_choice('average', average, AVERAGES)
    if average == 'probabilities':
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        scores = scores / scores.sum(axis=1, keepdims=True)
    return scores.mean(axis=0)


@METRICS.register_module()
class MultiClipAccuracy(BaseMetric):
    """Top-1, top-5 and mean class accuracy over the clips of each video.

    The metric takes ``pred_score`` (V, C), the logits of every clip. The head's ``average_clips`` must be None. It
    computes both averages and reports both. The mean over the classes is that of :func:`scores_of`, as in the probes:
    MMAction2's counts a class without a video as wrong once it is an answer.

    Args:
        average: The average behind ``top1``, 'logits' or 'probabilities'.
        kwargs: See MMEngine's ``BaseMetric``.

    Raises:
        InputError: For another average, for samples without scores or label, or if no sample is left to evaluate.
    """

    default_prefix = 'acc'
    measures = 'classification'
    averages = 'logits'

    def __init__(self, average: str = 'logits', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_choice('MultiClipAccuracy.average', average, AVERAGES)
        self.average = average

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Keep the logits and the label of every video.

        Raises:
            InputError: If the scores are not those of every clip, or not finite, or the label is no class of them.
        """
        for sample in data_samples:
            require_keys(
                sample, ('pred_score', 'gt_label'), 'MultiClipAccuracy', 'it needs a classifier and labelled videos'
            )
            scores = finite_scores(sample, 'pred_score')
            if scores.ndim != 2:
                raise InputError(
                    f'MultiClipAccuracy needs the logits of every clip (V, C), got {tuple(scores.shape)}: set '
                    'model.cls_head.average_clips=None'
                )
            label = int(sample['gt_label'].reshape(-1)[0])
            if not 0 <= label < scores.shape[1]:
                raise InputError(
                    f"MultiClipAccuracy: {sample.get('filename', 'a video')} has the label {label}, and the model's classes "
                    f'are 0 to {scores.shape[1] - 1}; mend the list, or take the model that was trained on its classes'
                )
            if not sample.get('replacement'):
                self.results.append((scores.float().cpu().numpy(), label))

    def compute_metrics(self, results: list) -> dict[str, Any]:
        """Accuracies in [0, 1], and ``protocol``."""
        require_results(results, 'MultiClipAccuracy')
        labels = [label for _, label in results]
        clips = sorted({len(scores) for scores, _ in results})
        averaged = {how: [average_clips(scores, how) for scores, _ in results] for how in AVERAGES}
        top1, top5 = top_k_accuracy(averaged[self.average], labels, (1, 5))
        answers = np.argmax(averaged[self.average], axis=1)
        return dict(
            top1=float(top1),
            top5=float(top5),
            mean_class=scores_of(np.array(labels), answers).mean_class,
            **{f'top1_{how}': float(top_k_accuracy(averaged[how], labels, (1,))[0]) for how in AVERAGES},
            protocol=f'{"/".join(map(str, clips))} clip(s) a video, mean of {self.average}, {len(results)} videos',
        )
