"""VSPP's head compared with a hand calculation."""

import math

import numpy as np
import pytest
import torch
from mmaction.structures import ActionDataSample

from auxskd_mm.errors import InputError
from auxskd_mm.models.heads import VSPPHead, batch_labels


def samples(*labels):
    made = []
    for pace, segment in labels:
        sample = ActionDataSample()
        sample.set_field(np.array([pace]), 'pace_label')
        sample.set_field(np.array([segment]), 'segment_label')
        made.append(sample)
    return made


def hand_head(**kwargs):
    """Head whose speed logits are the first two pooled channels and whose segment logits are the last two."""
    head = VSPPHead(4, num_speeds=2, num_segments=2, **kwargs)
    with torch.no_grad():
        for layer, columns in ((head.fc_speed, (0, 1)), (head.fc_segment, (2, 3))):
            layer.weight.zero_()
            layer.bias.zero_()
            for row, column in enumerate(columns):
                layer.weight[row, column] = 1
    return head


def test_pooling_and_losses_by_hand():
    feats = torch.zeros(2, 4, 1, 1, 2)
    feats[0, 0] = torch.tensor([2.0, 4.0])  # mean 3: speed logits (3, 0)
    feats[1, 3] = torch.tensor([1.0, 1.0])  # segment logits (0, 1)
    losses = hand_head(speed_weight=2.0, segment_weight=0.5).loss(feats, samples((0, 0), (1, 1)))
    softplus = lambda x: math.log1p(math.exp(x))  # noqa: E731
    speed = (softplus(-3.0) + math.log(2)) / 2
    segment = (math.log(2) + softplus(-1.0)) / 2
    assert losses['loss_speed'].item() == pytest.approx(2.0 * speed, rel=1e-6)
    assert losses['loss_segment'].item() == pytest.approx(0.5 * segment, rel=1e-6)
    # Ties go to the first class: sample 0 is right in both, sample 1 only in the segment.
    assert losses['pace_acc'].item() == 0.5
    assert losses['segment_acc'].item() == 1.0
    assert losses['joint_acc'].item() == 0.5
    assert [key for key in losses if 'loss' in key] == ['loss_speed', 'loss_segment']


def test_predictions_of_several_clips():
    feats = torch.randn(6, 4, 2, 3, 3)
    batch = hand_head().predict(feats, samples((0, 0), (1, 1)))
    assert [tuple(s.pred_pace.shape) for s in batch] == [(3, 2), (3, 2)]
    logits = feats.mean((2, 3, 4))[:, :2]
    assert torch.allclose(torch.cat([s.pred_pace for s in batch]), logits.softmax(1))


def test_the_segment_has_no_answer_where_nothing_is_sped_up():
    pace, segment = VSPPHead(4, num_speeds=2, num_segments=3).tasks
    assert (pace.class_names, pace.given) == (('1x', '2x'), '')
    assert (segment.class_names, segment.given, segment.unanswerable) == (('1 of 3', '2 of 3', '3 of 3'), 'pace', 0)


def test_labels_keep_sample_and_view_order():
    batch = samples((0, 0), (1, 1))
    batch[0].set_field(np.array([3, 1]), 'pace_label')
    batch[1].set_field(torch.tensor([2, 0]), 'pace_label')
    labels = batch_labels(batch, 'pace_label', torch.device('cpu'))
    assert labels.tolist() == [3, 1, 2, 0]
    assert labels.dtype == torch.int64


def test_bad_input_is_named():
    with pytest.raises(InputError, match=r'in_channels=4.*yields 8'):
        hand_head()(torch.zeros(1, 8, 1, 1, 1))
    with pytest.raises(InputError, match='the backbone yields 2 feature maps'):
        hand_head()((torch.zeros(1, 4), torch.zeros(1, 4)))
    with pytest.raises(InputError, match="no 'segment_label'"):
        batch_labels([ActionDataSample()], 'segment_label', torch.device('cpu'))
    for bad in (
        dict(in_channels=0),
        dict(in_channels=4, num_speeds=0),
        dict(in_channels=4, num_segments=0),
        dict(in_channels=4, speed_weight=-1),
        dict(in_channels=4, speed_weight=0, segment_weight=0),
    ):
        with pytest.raises(InputError):
            VSPPHead(**bad)


def test_a_window_averages_the_logits_of_its_positions():
    torch.manual_seed(0)
    head = VSPPHead(6, num_speeds=5, num_segments=4, window=(2, 3, 3))
    feats = torch.randn(2, 6, 4, 4, 3)
    # Position by position, by slices: three starts in time and two in height.
    logits = []
    for t in range(3):
        for y in range(2):
            feature = feats[:, :, t : t + 2, y : y + 3].mean((2, 3, 4))
            logits.append(feature @ head.fc_speed.weight.T + head.fc_speed.bias)
    speed, segment = head(feats)
    assert torch.allclose(speed, torch.stack(logits).mean(0), atol=1e-6)
    assert segment.shape == (2, 4)
    # A window of the map's size is the plain mean.
    whole = VSPPHead(6, num_speeds=5, num_segments=4, window=(4, 4, 3))
    whole.load_state_dict(head.state_dict())
    assert torch.allclose(whole(feats)[0], head.fc_speed(feats.mean((2, 3, 4))), atol=1e-6)


def test_a_window_draws_dropout_for_each_position_and_each_task():
    head = VSPPHead(4, num_speeds=5, num_segments=4, dropout=0.5, window=(2, 7, 7))
    feats = torch.randn(2, 4, 4, 7, 7)
    pooled = torch.nn.functional.avg_pool3d(feats, (2, 7, 7), 1)  # (2, 4, 3, 1, 1)
    torch.manual_seed(3)
    speed, segment = head(feats)
    torch.manual_seed(3)
    for logits, layer in ((speed, head.fc_speed), (segment, head.fc_segment)):  # in this order
        kept = torch.nn.functional.dropout(pooled, 0.5)
        wanted = torch.nn.functional.conv3d(kept, layer.weight[:, :, None, None, None], layer.bias)
        assert torch.allclose(logits, wanted.mean((2, 3, 4)), atol=1e-6)
        assert not torch.equal(kept[:, :, 0] == 0, kept[:, :, 1] == 0)


@pytest.mark.parametrize('window', [(2, 7), (0, 7, 7), ()])
def test_a_window_of_no_size_is_refused(window):
    with pytest.raises(InputError, match=r'VSPPHead\.window='):
        VSPPHead(4, window=window)


def test_a_map_smaller_than_the_window_is_named():
    head = VSPPHead(4, window=(2, 7, 7))
    with pytest.raises(InputError, match=r'window=\(2, 7, 7\) does not fit the feature map \(1, 4, 2, 4, 4\)'):
        head(torch.zeros(1, 4, 2, 4, 4))
    with pytest.raises(InputError, match=r'window=.*does not fit the feature map \(1, 4\)'):
        head(torch.zeros(1, 4))
    with pytest.raises(InputError, match=r'in_channels=4.*yields 8'):
        head(torch.zeros(1, 8, 2, 7, 7))
