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


def test_a_class_without_a_video_has_no_accuracy():
    """It lowered the mean over the classes, by another rule than that of the probes in the same table."""
    metric = MultiClipAccuracy()
    for label, answers in ((0, [0]), (1, [1, 3]), (2, [2, 2, 3, 4])):
        scores = torch.nn.functional.one_hot(torch.tensor(answers), 5).float()
        metric.process(None, [dict(pred_score=one[None], gt_label=torch.tensor([label])) for one in scores])
    result = metric.evaluate(7)
    assert result['acc/top1'] == pytest.approx(4 / 7)
    assert result['acc/mean_class'] == pytest.approx((1 + 1 / 2 + 2 / 4) / 3)


@pytest.mark.parametrize('label', [-1, 8])
def test_a_label_that_is_no_class_of_the_model_is_named(label):
    """It counted as wrong, and -1 as the last class in the mean over the classes."""
    sample = dict(pred_score=torch.zeros(2, 8), gt_label=torch.tensor([label]), filename='a.mp4')
    with pytest.raises(InputError, match=rf"a.mp4 has the label {label}, and the model's classes are 0 to 7; mend"):
        MultiClipAccuracy().process(None, [sample])


def test_bad_input():
    with pytest.raises(InputError, match=r"MultiClipAccuracy\.average='votes'"):
        MultiClipAccuracy('votes')
    with pytest.raises(InputError, match=r'got \(8,\): set model\.cls_head\.average_clips=None'):
        MultiClipAccuracy().process(None, [dict(pred_score=torch.zeros(8), gt_label=torch.zeros(1))])
