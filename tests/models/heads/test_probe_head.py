"""The head computes what the linear probe on pooled features computes."""

import numpy as np
import pytest
import torch
from mmaction.structures import ActionDataSample

from auxskd_mm.errors import InputError
from auxskd_mm.models.heads import ProbeHead
from auxskd_mm.own_videos.probes import ProbeSettings, fit_choice, pooled

CHANNELS, CLASSES = 3, 3


def pyramid(maps):
    """Features of the pooling 'pyramid' by hand: the mean over space in each quarter of the clip, channel by channel, then the
    same of each of the 2 x 2 places.
    """
    quarters = maps.reshape(len(maps), CHANNELS, 4, -1, 4).mean(3)  # (N, C, 4, places)
    return np.concatenate([quarters.mean(3).reshape(len(maps), -1), quarters.reshape(len(maps), -1)], 1)


@pytest.mark.parametrize('pooling', ['mean', 'mean_std', 'time', 'grid'])
def test_scores_are_those_of_the_probe(pooling):
    rng = np.random.default_rng(0)
    maps = rng.normal(2, 3, (24, CHANNELS, 8, 2, 2)).astype(np.float32)
    labels = np.arange(24) % CLASSES
    features = pyramid(maps)
    probe = fit_choice(features, labels, ProbeSettings(pooling, 1e-1), CLASSES)
    head = ProbeHead(CLASSES, len(probe.mean), pooling)
    weight, bias = probe.as_linear()
    head.load_state_dict({'fc.weight': weight, 'fc.bias': bias})
    expected = probe.scores(pooled(features, pooling))
    assert torch.allclose(head(torch.from_numpy(maps)), expected, atol=1e-4)


def test_predictions_are_the_mean_over_the_clips():
    head = ProbeHead(CLASSES, 4 * CHANNELS)
    maps = torch.randn(4, CHANNELS, 4, 1, 1)  # two clips of each of two videos
    samples = head.predict(maps, [ActionDataSample(), ActionDataSample()])
    scores = head(maps)
    for number, sample in enumerate(samples):
        mean = scores[2 * number : 2 * number + 2].mean(0)
        assert torch.allclose(sample.pred_score, mean)
        assert int(sample.pred_label) == int(mean.argmax())


def test_a_loss_is_the_cross_entropy():
    head = ProbeHead(CLASSES, CHANNELS, 'mean')
    maps = torch.randn(2, CHANNELS, 4, 1, 1)
    samples = [ActionDataSample().set_gt_label(label) for label in (0, 2)]
    loss = head.loss(maps, samples)['loss_cls']
    logits = head(maps).log_softmax(1)
    assert torch.allclose(loss, -(logits[0, 0] + logits[1, 2]) / 2)


def test_another_width_is_one_line():
    with pytest.raises(InputError, match='in_channels=5'):
        ProbeHead(CLASSES, 5)(torch.zeros(1, CHANNELS, 4, 1, 1))
    with pytest.raises(InputError, match='over_time'):
        ProbeHead(CLASSES, 5, 'max')
