"""Whether a student predicts its teacher's features of held-out videos."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from torch import Tensor

from ...errors import InputError
from ...registry import METRICS
from ..accuracy import finite_scores
from .learned import pretext_result, task_metrics, video_of

TEACHERS = ('ema', 'frozen')


@METRICS.register_module()
class TeacherAgreementMetric(BaseMetric):
    """Agreement of student and teacher on held-out videos, beside that of a shuffled pairing. It is auxSKD's test.

    auxSKD has no labels, so no accuracy. But its student must say more about the teacher's feature of the same video
    than about that of another video. For two videos i and j with the student's predictions q and the teacher's features
    k, their own pairing is right if::

        cos(q_i, k_i) + cos(q_j, k_j)  >  cos(q_i, k_j) + cos(q_j, k_i)

    The result ``agreement_acc`` is the share of pairs of videos for which this holds. Equal sums count half. The best
    answer that does not depend on the video reaches 0.5 (``agreement_chance``), and so does a collapsed network. A random
    predictor, with which the phase starts, reaches 0.5 on average, too.

    The test says that the task of the phase was learned. It does not say that the features are good: two clips of one
    video also have their colours and scene in common.

    The metric takes samples of :class:`AuxSKD`, with ``student_<teacher>`` and ``teacher_<teacher>`` (D,), for the
    teachers ``ema`` and ``frozen``. It leaves out samples that replace an unreadable video.

    Raises:
        InputError: If samples carry no features of student and teacher, or fewer than two videos are left.
    """

    default_prefix = 'auxskd'
    measures = 'pretext task'

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Keep the features of one batch.

        Raises:
            InputError: If the samples carry no features of a teacher, or values that are not finite.
        """
        for sample in data_samples:
            if sample.get('replacement'):
                continue
            found = [name for name in TEACHERS if sample.get(f'teacher_{name}') is not None]
            if not found:
                raise InputError(
                    "TeacherAgreementMetric: the samples carry no 'teacher_ema'; use the model AuxSKD and a sampler of "
                    'two views (num_views=2)'
                )
            own = {
                name: [finite_scores(sample, f'{side}_{name}').float().cpu() for side in ('student', 'teacher')]
                for name in found
            }
            self.results.append((video_of(sample, len(self.results)), own))

    def compute_metrics(self, results: list) -> dict[str, Any]:
        """Agreement with each teacher over all pairs of videos.

        Raises:
            InputError: If fewer than two videos were evaluated.
        """
        videos = [video for video, _ in results]
        if len(set(videos)) < 2:
            raise InputError(
                f'TeacherAgreementMetric: {len(set(videos))} readable videos, expected at least 2 to compare'
            )
        metrics: dict[str, Any] = {}
        teachers = [name for name in TEACHERS if name in results[0][1]]
        for name in teachers:
            student, teacher = (torch.stack([own[name][side] for _, own in results]) for side in (0, 1))
            shares = agreement(student, teacher, videos)
            task = 'agreement' if name == TEACHERS[0] or len(teachers) == 1 else f'{name}_agreement'
            metrics.update(task_metrics(task, shares, videos, 0.5, tasks=len(teachers), compared=True))
        verdict = pretext_result(metrics)
        print_log(f'{len(set(videos))} videos; {verdict.lines if verdict else ""}', logger='current')
        return metrics


def agreement(student: Tensor, teacher: Tensor, videos: Sequence[str]) -> np.ndarray:
    """For each sample, the share float64 (N,) of samples of other videos with which exchanging the teachers is worse.

    ``student`` are predictions (N, D), ``teacher`` features (N, D), and ``videos`` names the video of each sample.
    """
    cosine = F.normalize(student.double(), dim=1) @ F.normalize(teacher.double(), dim=1).T  # (N, N)
    own = cosine.diagonal()
    lead = own[:, None] + own - cosine - cosine.T
    numbers = torch.as_tensor(np.unique(videos, return_inverse=True)[1])
    other = numbers[:, None] != numbers
    # Equal but for rounding, as in a collapsed network.
    right = (lead > 1e-9).double() + 0.5 * (lead.abs() <= 1e-9)
    return ((right * other).sum(1) / other.sum(1)).numpy()
