"""Whether a pretext task was learned: held-out clips beside the best constant answer."""

from .learned import LEARNED, PretextResult, clustered_interval, pretext_result, task_metrics, video_of, wilson_interval
from .teacher_agreement_metric import TeacherAgreementMetric

__all__ = [
    'LEARNED',
    'PretextResult',
    'TeacherAgreementMetric',
    'clustered_interval',
    'pretext_result',
    'task_metrics',
    'video_of',
    'wilson_interval',
]
