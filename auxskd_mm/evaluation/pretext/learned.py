"""The test behind 'learned' and 'not learned': accuracy on held-out clips against the best constant answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ...datasets.stores import packed_from

CONFIDENCE = 0.95
LEARNED = 'learned'
_TASK = re.compile('(?P<task>.+)_ci95')


def wilson_interval(score: float, count: float, quantile: float) -> tuple[float, float]:
    """Wilson's interval of a share.

    Args:
        score: Share in [0, 1].
        count: Number of independent samples n, also a fraction.
        quantile: Quantile z of the normal distribution, or of Student's t.

    Returns:
        Lower and upper limit.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927.
    """
    square = quantile**2 / count
    centre = (score + square / 2) / (1 + square)
    half = quantile / (1 + square) * np.sqrt(score * (1 - score) / count + square / (4 * count))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def clustered_interval(
    values: Sequence[float] | np.ndarray,
    clusters: Sequence[Any],
    confidence: float = CONFIDENCE,
    *,
    compared: bool = False,
) -> tuple[float, float]:
    """Interval of the mean of values in [0, 1], of which several may come from one cluster (video).

    Clips of one video are not independent. The variance of the mean is therefore taken between the clusters::

        variance = G / (G - 1) * sum over the clusters of (sum of (value - mean))^2 / N^2
        n        = mean * (1 - mean) / variance          the effective number of samples, at most N

    The interval is Wilson's with this n and Student's t of G - 1 degrees of freedom. If all values are equal, the
    variance says nothing, and each cluster counts as one sample.

    Args:
        values: Hits (0 or 1) or shares, (N,).
        clusters: N names, equal for values of one cluster.
        confidence: Confidence of the interval.
        compared: Whether each value compares its cluster with all others, as in a U-statistic of pairs. Each cluster
            then counts in all values, and the variance is four times as large.

    Returns:
        Lower and upper limit. They are 0 and 1 for fewer than two clusters, which say nothing about other videos.

    Source: Korn and Graubard, "Confidence intervals for proportions with small expected number of positive counts
    estimated from survey data", Survey Methodology 1998 (with Wilson's interval in place of Clopper and Pearson's);
    Hoeffding, "A class of statistics with asymptotically normal distribution", 1948, for pairs.
    """
    x = np.asarray(values, dtype=float)
    names, member = np.unique([str(cluster) for cluster in clusters], return_inverse=True)
    count, degree = len(names), 2 if compared else 1
    if count < 2:
        return 0.0, 1.0
    from scipy import stats  # takes half a second

    mean = float(x.mean())
    sums = np.bincount(member, x - mean)
    variance = degree**2 * count / (count - 1) * float((sums**2).sum()) / len(x) ** 2
    equal = variance < 1e-12
    effective = count / degree if equal else min(mean * (1 - mean) / variance, len(x))
    return wilson_interval(mean, effective, float(stats.t.ppf(0.5 + confidence / 2, count - 1)))


def task_metrics(
    task: str,
    values: Sequence[float] | np.ndarray,
    videos: Sequence[Any],
    best_constant: float,
    *,
    tasks: int = 1,
    compared: bool = False,
) -> dict[str, Any]:
    """Results of one task, with the verdict whether it was learned.

    A task is learned if the lower limit of the interval is above the best constant answer. With several tasks in one
    test, each interval is wider (Bonferroni), so that all hold together with 95% confidence.

    Args:
        task: Name of the task.
        values: For each of N answers whether it is right, or its share of right pairs.
        videos: The video of each answer.
        best_constant: Accuracy of the best constant answer on the same clips.
        tasks: Number of tasks that the test asks about.
        compared: See :func:`clustered_interval`.

    Returns:
        ``<task>_acc``, ``_chance`` (the best constant answer), ``_low`` and ``_high`` (the interval), ``_ci95`` (half its
        width), ``_videos`` (number of videos) and ``_learned``.
    """
    low, high = clustered_interval(values, videos, 1 - (1 - CONFIDENCE) / tasks, compared=compared)
    return {
        f'{task}_acc': float(np.mean(values)) if len(values) else float('nan'),
        f'{task}_chance': float(best_constant),
        f'{task}_ci95': (high - low) / 2,
        f'{task}_low': low,
        f'{task}_high': high,
        f'{task}_videos': len({str(video) for video in videos}),
        f'{task}_{LEARNED}': low > best_constant,
    }


def video_of(sample: Mapping[str, Any], number: int) -> str:
    """The video that a sample's clips come from: its file, or the file that its copy in a store was packed from.

    Args:
        sample: Data sample.
        number: Number of the sample, which stands for its video if it has no file name.
    """
    name = sample.get('filename')
    if name is None:
        return f'sample {number}'
    return packed_from(str(name)) or str(name)


@dataclass(frozen=True)
class PretextResult:
    """What a test says about a pretext phase.

    Attributes:
        learned: Whether at least one task was learned.
        task: The task that is furthest above its best constant answer, in whose words the phase is summarised.
        score: Accuracy of this task on held-out clips.
        best_constant: Accuracy of the best constant answer.
        interval: Lower and upper 95% limit of the score.
        videos: Number of videos that the clips come from, None if it was not recorded.
        tasks: The same for each task of the phase.
    """

    learned: bool
    task: str
    score: float
    best_constant: float
    interval: tuple[float, float]
    videos: int | None
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """A short sentence, such as ``not learned: pace 35.0% (95% interval 26.1 to 45.0), best constant answer 32.1%``."""
        words = [
            f'{"" if own[LEARNED] == self.learned else "not learned: "}{name} {100 * own["score"]:.1f}% (95% interval '
            f'{100 * own["interval"][0]:.1f} to {100 * own["interval"][1]:.1f}), best constant answer '
            f'{100 * own["best_constant"]:.1f}%'
            for name, own in sorted(self.tasks.items(), key=lambda item: not item[1][LEARNED])
        ]
        return f'{LEARNED if self.learned else "not learned"}: {"; ".join(words)}'

    @property
    def lines(self) -> str:
        """The sentence with a line per task, for a terminal."""
        return self.text.replace('; ', ';\n    ')

    def record(self) -> dict[str, Any]:
        """The result as JSON types."""
        return {**asdict(self), 'interval': list(self.interval)}


def pretext_result(metrics: Mapping[str, Any]) -> PretextResult | None:
    """Read the verdict from the results of a test.

    Args:
        metrics: Results of a test, which may hold those of other metrics, too.

    Returns:
        The verdict; None if no metric of the test gave one. Results of an earlier version have only half the width of
        their interval, which took each clip for a video of its own.
    """
    tasks: dict[str, dict[str, Any]] = {}
    for key in metrics:
        found = _TASK.fullmatch(key)
        if found is not None and {f'{found["task"]}_acc', f'{found["task"]}_chance'} <= metrics.keys():
            tasks[found['task'].rpartition('/')[2]] = _task(found['task'], metrics)
    if not tasks:
        return None
    best = max(tasks, key=lambda name: tasks[name]['interval'][0] - tasks[name]['best_constant'])
    own = tasks[best]
    return PretextResult(
        learned=any(task[LEARNED] for task in tasks.values()),
        task=best,
        score=own['score'],
        best_constant=own['best_constant'],
        interval=(own['interval'][0], own['interval'][1]),
        videos=own['videos'],
        tasks=tasks,
    )


def _task(name: str, metrics: Mapping[str, Any]) -> dict[str, Any]:
    score, constant, half = (metrics[f'{name}_{part}'] for part in ('acc', 'chance', 'ci95'))
    low, high = metrics.get(f'{name}_low', score - half), metrics.get(f'{name}_high', score + half)
    return dict(
        score=score,
        best_constant=constant,
        interval=[low, high],
        videos=metrics.get(f'{name}_videos'),
        learned=bool(metrics.get(f'{name}_{LEARNED}', low > constant)),
    )
