"""What the metrics of accuracy have in common: a test without samples, and samples without what a metric reads."""

import numpy as np
import pytest
import torch

from auxskd_mm.errors import InputError
from auxskd_mm.evaluation import MultiClipAccuracy, PretextAccuracyMetric, SegmentPaceMetric, SpeedRankMetric

SCORES = torch.eye(4)[:1]
SAMPLES = {
    MultiClipAccuracy: dict(pred_score=SCORES, gt_label=torch.tensor([0])),
    PretextAccuracyMetric: dict(pred_pace=SCORES, pace_label=np.array([0])),
    SegmentPaceMetric: dict(
        pred_pace=SCORES, pred_segment=SCORES, pace_label=np.array([0]), segment_label=np.array([0])
    ),
    SpeedRankMetric: dict(speed_score=torch.tensor([0.0, 1.0]), clip_speed=np.array([1, 2])),
}


@pytest.mark.parametrize('kind', SAMPLES)
def test_a_test_without_a_readable_video_gets_one_line(kind):
    metric = kind()
    metric.process(None, [{**SAMPLES[kind], 'replacement': True}])
    with pytest.raises(InputError, match=f'^{kind.__name__}: no sample was evaluated; is the test list empty'):
        metric.compute_metrics(metric.results)


@pytest.mark.parametrize(('kind', 'key'), [(kind, key) for kind, sample in SAMPLES.items() for key in sample])
def test_a_value_that_is_missing_is_named(kind, key):
    sample = {name: value for name, value in SAMPLES[kind].items() if name != key}
    with pytest.raises(InputError, match=f"^{kind.__name__}: the samples carry no '{key}'; "):
        kind().process(None, [sample])
