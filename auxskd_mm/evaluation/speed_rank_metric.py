"""Accuracy of ranking the clips of a video by their speed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from torch import Tensor

from ..functional.pace import pace_names
from ..models.losses import pair_accuracy, segment_speeds
from ..registry import METRICS
from .accuracy import finite_scores, require_keys, require_results
from .pretext.learned import pretext_result, task_metrics, video_of

_ADVICE = 'use PaceSample or SegmentPaceSample, PackActionInputs(algorithm_keys=...) and SpeedRankHead'


@METRICS.register_module()
class SpeedRankMetric(BaseMetric):
    """Share of pairs of clips of one video that are in the right order, logged with its chance level.

    The metric takes samples of :class:`SpeedRankHead`, with ``clip_speed`` and ``speed_score``. It leaves out samples
    that replace an unreadable video (``replacement``), so that no video counts twice. Each video has the same weight.

    The results for ``pair`` are those of :func:`task_metrics`. Their interval is over the videos, because the pairs of
    one video are not independent. ``pair_chance`` is 0.5 for any speeds: equal scores count half. If the head ranks
    segments, the results for ``segment_pair`` are the same over all segments of a video's clips. ``segment_acc_paced`` is
    the share of sped-up clips whose highest score is at the paced segment, and ``segment_chance_paced`` its chance level.
    The log also shows the share for each two speeds.

    Clips that wrap in a short video may show the same frames at two speeds. Their pairs count as all others do.

    Raises:
        InputError: If samples lack speeds or scores, or if no sample is left to evaluate.
    """

    default_prefix = 'rank'
    measures = 'pretext task'

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Keep speeds and scores of one batch.

        Raises:
            InputError: If the samples carry no speeds or scores, or scores that are not finite.
        """
        for sample in data_samples:
            if sample.get('replacement'):
                continue
            require_keys(sample, ('clip_speed', 'speed_score'), 'SpeedRankMetric', _ADVICE)
            keys = ('speed_score', 'segment_score') if sample.get('segment_score') is not None else ('speed_score',)
            result: dict[str, Any] = {key: finite_scores(sample, key).float().cpu() for key in keys}
            result['clip_speed'] = _flat(sample['clip_speed']).float()
            if len(keys) > 1:
                result['segment_label'] = _flat(sample['segment_label']).long()
            result['video'] = video_of(sample, len(self.results))
            self.results.append(result)

    def compute_metrics(self, results: list) -> dict[str, Any]:
        """Accuracies over all samples.

        Raises:
            InputError: If no sample was evaluated.
        """
        require_results(results, 'SpeedRankMetric')
        scores, speeds = (torch.stack([one[key] for one in results]) for key in ('speed_score', 'clip_speed'))
        videos = [one['video'] for one in results]
        tasks = 2 if 'segment_score' in results[0] else 1
        metrics = _pairs('pair', scores, speeds, videos, tasks)
        text = [f'{len(results)} videos of {speeds.shape[1]} clips', f'{"":10}{"pairs":>9}{"+-":>7}{"chance":>9}']
        text.append(_row('clips', metrics, 'pair'))
        if tasks > 1:
            metrics.update(_segments(results, speeds, videos))
            text.append(_row('segments', metrics, 'segment_pair'))
        verdict = pretext_result(metrics)
        text += [verdict.lines] if verdict else []
        text.append(_pair_table(scores, speeds))
        print_log('\n'.join(text), logger='current')
        return metrics


def _flat(values: object) -> Tensor:
    return torch.as_tensor(values).reshape(-1).cpu()


def _pairs(name: str, scores: Tensor, speeds: Tensor, videos: Sequence[str], tasks: int) -> dict[str, Any]:
    """Results over the videos that have a pair; scores and speeds are (N, M)."""
    shares = pair_accuracy(scores, speeds)
    with_pair = ~shares.isnan()
    named = [video for video, kept in zip(videos, with_pair.tolist()) if kept]
    return task_metrics(name, shares[with_pair].numpy(), named, 0.5, tasks=tasks)


def _segments(results: list, speeds: Tensor, videos: Sequence[str]) -> dict[str, Any]:
    scores, label = (torch.cat([one[key] for one in results]) for key in ('segment_score', 'segment_label'))
    local = segment_speeds(speeds.flatten(), label, scores.shape[1])  # (N * V, S)
    metrics = _pairs('segment_pair', scores.reshape(len(results), -1), local.reshape(len(results), -1), videos, 2)
    paced = speeds.flatten() > 1
    hits = (scores.argmax(1) == label)[paced].float()
    metrics['segment_acc_paced'] = float(hits.mean())
    metrics['segment_chance_paced'] = float(label[paced].bincount().max()) / len(hits) if len(hits) else float('nan')
    return metrics


def _row(title: str, metrics: dict[str, Any], name: str) -> str:
    accuracy, interval, chance = (100 * metrics[f'{name}_{key}'] for key in ('acc', 'ci95', 'chance'))
    return f'{title:10}{accuracy:8.1f}%{interval:6.1f}%{chance:8.1f}%'


def _pair_table(scores: Tensor, speeds: Tensor) -> str:
    """Share of pairs in the right order for each two speeds: which speeds the model confuses."""
    levels = speeds.unique().tolist()
    names = pace_names(levels)
    rows = ['right order  ' + ''.join(f'{name:>8}' for name in names[:-1])]
    for place, fast in enumerate(levels[1:], 1):
        cells = []
        for slow in levels[:place]:
            pairs = (speeds[:, :, None] == fast) & (speeds[:, None] == slow)  # (N, V, V)
            lead = (scores[:, :, None] - scores[:, None])[pairs]
            right = (lead > 0).float() + 0.5 * (lead == 0)
            cells.append(f'{100 * float(right.mean()):7.1f}%' if len(lead) else f'{"-":>8}')
        rows.append(f'{names[place]:>11}  ' + ''.join(cells))
    return '\n'.join(rows)
