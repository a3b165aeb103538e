"""Leaving the samples of unreadable videos out of every metric, also those of MMAction2 and MMEngine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.evaluator import BaseMetric, Evaluator

from ..errors import InputError

_DONE = '_leaves_out_replacements'
# In the place of a result. MMEngine takes away every None of several ranks before it cuts off the samples that the
# sampler has repeated, so a None would let a repeated sample count twice.
LEFT_OUT = 'left out by auxskd_mm'


def leave_out_replacements(evaluator: Evaluator) -> None:
    """Make every metric of an evaluator ignore samples that replace an unreadable video.

    A metric that keeps one result for each sample gets :data:`LEFT_OUT` in the place of such a sample. So the results of
    several ranks can still be put in order and cut to the length of the data set; these entries are removed before it
    computes.

    Args:
        evaluator: Evaluator whose metrics are changed. A second call changes nothing.
    """
    for metric in evaluator.metrics:
        if not getattr(metric, _DONE, False):
            _wrap(metric)
            setattr(metric, _DONE, True)


def is_left_out(result: object) -> bool:
    """Whether a result of a metric only keeps the place of a sample that is left out."""
    return isinstance(result, str) and result == LEFT_OUT


def _wrap(metric: BaseMetric) -> None:
    process, compute = metric.process, metric.compute_metrics

    def process_readable(data_batch: object, data_samples: Sequence[dict]) -> None:
        before = len(metric.results)
        process(data_batch, data_samples)
        readable = [not sample.get('replacement') for sample in data_samples]
        added = metric.results[before:]
        if len(added) == len(readable):
            metric.results[before:] = [result if keep else LEFT_OUT for result, keep in zip(added, readable)]
        elif len(added) == sum(readable):  # the metric leaves them out by itself
            rest = iter(added)
            metric.results[before:] = [next(rest) if keep else LEFT_OUT for keep in readable]

    def compute_readable(results: list) -> Any:
        kept = [result for result in results if not is_left_out(result)]
        if results and not kept:
            raise InputError(f'{type(metric).__name__}: none of the {len(results)} videos could be read')
        return compute(kept)

    # Wraps this one metric.
    metric.process, metric.compute_metrics = process_readable, compute_readable  # type: ignore[method-assign]
