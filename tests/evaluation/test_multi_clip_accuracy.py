"""Both averages compared with hand calculations, on logits where they disagree."""

import numpy as np
import pytest
import torch

from auxskd_mm.errors import InputError
from auxskd_mm.evaluation import MultiClipAccuracy
from auxskd_mm.evaluation.multi_clip_accuracy import average_clips

# Two clips lean to class 1, one is very sure of class 0: the mean logit says 0, the mean probability 1.
TORN = np.asarray([[0.0, 3.0], [0.0, 3.0], [20.0, 0.0]])


def test_averages_by_hand():
    np.testing.assert_allclose(average_clips(TORN, 'logits'), [20 / 3, 2])
    p = 1 / (1 + np.exp(3))
    np.testing.assert_allclose(average_clips(TORN, 'probabilities'), [(2 * p + 1) / 3, 2 * (1 - p) / 3], rtol=1e-6)
    assert np.isfinite(average_clips(TORN * 1000, 'probabilities')).all()
    with pytest.raises(InputError, match="average='votes'"):
        average_clips(TORN, 'votes')


def samples():
    wide = np.concatenate([TORN, np.tile(-50.0 - np.arange(6), (3, 1))], axis=1)  # class 7 comes last
    rows = [(wide, 1), (wide, 0), (wide, 1), (wide, 7)]
    return [dict(pred_score=torch.from_numpy(scores), gt_label=torch.tensor([label])) for scores, label in rows]


@pytest.mark.parametrize(('average', 'top1', 'mean_class'), [('logits', 1 / 4, 1 / 3), ('probabilities', 2 / 4, 1 / 3)])
def test_result_names_what_was_averaged(average, top1, mean_class):
    metric = MultiClipAccuracy(average)
    metric.process(None, [*samples(), dict(samples()[0], replacement=True)])
    result = metric.evaluate(5)
    assert result['acc/top1'] == top1
    assert result['acc/top1_logits'] == 1 / 4
    assert result['acc/top1_probabilities'] == 2 / 4
    assert result['acc/top5'] == 3 / 4
    assert result['acc/mean_class'] == pytest.approx(mean_class)
    assert result['acc/protocol'] == f'3 clip(s) a video, mean of {average}, 4 videos'


def test_the_fifth_place_counts_and_the_sixth_does_not():
    falling = -torch.arange(8.0).repeat(2, 1)
    metric = MultiClipAccuracy()
    metric.process(None, [dict(pred_score=falling, gt_label=torch.tensor([label])) for label in (4, 5, 6)])
    metric.process(None, [dict(pred_score=falling[:1], gt_label=torch.tensor([7]))])
    result = metric.evaluate(4)
    assert result['acc/top5'] == 1 / 4
    assert result['acc/protocol'] == '1/2 clip(s) a video, mean of logits, 4 videos'


def test_bad_input():
    with pytest.raises(InputError, match=r"MultiClipAccuracy\.average='votes'"):
        MultiClipAccuracy('votes')
    with pytest.raises(InputError, match=r'got \(8,\): set model\.cls_head\.average_clips=None'):
        MultiClipAccuracy().process(None, [dict(pred_score=torch.zeros(8), gt_label=torch.zeros(1))])
