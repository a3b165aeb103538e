"""What a config's evaluators measure, from the classes of the metrics.

A metric says it by class attributes; a metric from outside the package does the same:

- ``measures``: what the record of a number calls the measurement, such as ``'retrieval'``.
- ``frozen``: True if the network is not trained for it, but measured as its checkpoint left it.
- ``averages``: for a classifier of several clips, the value of the option ``average`` that a config leaves out. Such a
  metric compares ``pred_score`` with ``gt_label``, so a recipe keeps the predictions.
- ``takes_lists``: True if it also measures with few labels, by the options ``lists``, ``group_file`` and ``seed``.

What a metric does not say is unknown, and stands as null in a record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from mmaction.evaluation import AccMetric

from ..config.parts import as_list
from ..registry import METRICS, registered

# MMAction2's metrics cannot say it themselves.
_MMACTION = {AccMetric: 'classification'}


class Measured(NamedTuple):
    """One evaluator of a config.

    Attributes:
        entry: Its settings.
        kind: Its class, None if it is not registered.
        measures: See the module. None if the class does not say it.
        frozen: See the module.
        average: Average over the clips of a video, 'logits' or 'probabilities'. None if the metric has no such option.
        takes_lists: See the module.
    """

    entry: dict[str, Any]
    kind: type | None
    measures: str | None
    frozen: bool
    average: str | None
    takes_lists: bool


def measured_by(evaluator: object) -> list[Measured]:
    """What each evaluator of a config measures. ``evaluator`` is one entry, a list of them, or None."""
    return [_measured(entry) for entry in as_list(evaluator) if isinstance(entry, Mapping)]


def _measured(entry: Mapping[str, Any]) -> Measured:
    kind = registered(METRICS, entry.get('type'))
    theirs = next((name for base, name in _MMACTION.items() if kind is not None and issubclass(kind, base)), None)
    default = getattr(kind, 'averages', None)
    return Measured(
        entry=dict(entry),
        kind=kind,
        measures=getattr(kind, 'measures', None) or theirs,
        frozen=bool(getattr(kind, 'frozen', False)),
        average=None if default is None else str(entry.get('average', default)),
        takes_lists=bool(getattr(kind, 'takes_lists', False)),
    )
