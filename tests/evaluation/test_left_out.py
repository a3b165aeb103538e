"""What stands in for an unreadable video is counted by no metric, and the order of the others stays."""

import numpy as np
import pytest
import torch
from mmaction.evaluation import AccMetric
from mmengine.evaluator import Evaluator

from auxskd_mm.errors import InputError
from auxskd_mm.evaluation import MultiClipAccuracy
from auxskd_mm.evaluation.left_out import LEFT_OUT, is_left_out, leave_out_replacements


def sample(label, predicted, replacement=False):
    scores = torch.zeros(2)
    scores[predicted] = 1
    return dict(pred_score=scores, gt_label=torch.tensor([label]), **(dict(replacement=True) if replacement else {}))


def test_a_score_of_the_readable_videos_alone():
    batch = [sample(0, 0), sample(1, 1, True), sample(1, 0), sample(0, 1, True)]
    several = [dict(one, pred_score=one['pred_score'][None]) for one in batch]
    for metric, samples in ((AccMetric(), batch), (MultiClipAccuracy(), several)):
        evaluator = Evaluator(metric)
        leave_out_replacements(evaluator)
        leave_out_replacements(evaluator)
        metric.process(None, samples)
        assert [is_left_out(result) for result in metric.results] == [False, True, False, True]
        assert metric.compute_metrics(list(metric.results))['top1'] == 0.5
        metric.results.clear()
        metric.process(None, samples[1:2])
        with pytest.raises(InputError, match='none of the 1 videos could be read'):
            metric.compute_metrics(list(metric.results))


def test_batches_of_one_metric_stay_apart_and_no_result_at_all_is_the_metrics_own_matter():
    metric = MultiClipAccuracy()
    leave_out_replacements(Evaluator(metric))
    for batch in ([sample(0, 0), sample(1, 1, True)], [sample(0, 1)], [sample(1, 0, True)]):
        metric.process(None, [dict(one, pred_score=one['pred_score'][None]) for one in batch])
    assert [is_left_out(result) for result in metric.results] == [False, True, False, True]
    assert metric.compute_metrics(list(metric.results))['top1'] == 0.5
    other = AccMetric()
    other.compute_metrics = len
    leave_out_replacements(Evaluator(other))
    assert other.compute_metrics([]) == 0


def test_metrics_that_keep_no_result_for_each_sample():
    """One count for a batch, arrays and texts: all stay as the metric has made them."""

    class Counts(AccMetric):
        def process(self, data_batch, data_samples):
            self.results.append(len(data_samples))

    metric = Counts()
    metric.compute_metrics = list
    leave_out_replacements(Evaluator(metric))
    once = metric.process
    leave_out_replacements(Evaluator(metric))
    assert metric.process == once  # one more layer for each validation would end at the depth of calls
    for batch in ([sample(0, 0)] * 3, [sample(0, 0, True), sample(1, 1, True), sample(1, 1)], [sample(0, 0)] * 2):
        metric.process(None, batch)
    assert metric.compute_metrics(metric.results) == [3, 3, 2]
    array, text = np.arange(3), 'wave'
    assert metric.compute_metrics([array, LEFT_OUT, text]) == [array, text]
