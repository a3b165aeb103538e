"""The head of speed ranking compared with a hand calculation."""

import numpy as np
import pytest
import torch
from mmaction.structures import ActionDataSample

from auxskd_mm.datasets.transforms import SegmentPaceSample
from auxskd_mm.errors import InputError
from auxskd_mm.models.heads import PaceHead, SpeedRankHead, VSPPHead


def samples(*rows):
    """Samples with (speeds, segments)."""
    made = []
    for speeds, segments in rows:
        sample = ActionDataSample()
        sample.set_field(np.array(speeds, dtype=np.float32), 'clip_speed')
        sample.set_field(np.array(segments), 'segment_label')
        made.append(sample)
    return made


def hand_head(**kwargs):
    """Head whose score of a clip is the first pooled channel and whose segment scores are the other two."""
    head = SpeedRankHead(3, num_views=2, num_segments=2, **kwargs)
    with torch.no_grad():
        for layer, columns in ((head.fc_speed, (0,)), (head.fc_segment, (1, 2))):
            layer.weight.zero_()
            layer.bias.zero_()
            for row, column in enumerate(columns):
                layer.weight[row, column] = 1
    return head


# Two videos of two clips: (score, score of segment 1, score of segment 2).
FEATS = torch.tensor([[0.0, 0.5, 0.0], [3.0, 2.0, 1.0], [1.0, 0.0, 0.0], [0.5, 0.0, 1.0]])[:, :, None, None, None]
BATCH = (((1, 4), (0, 0)), ((2, 4), (1, 1)))


def test_losses_by_hand():
    losses = hand_head(speed_weight=2.0, segment_weight=0.5).loss(FEATS, samples(*BATCH))
    # The second clip is the faster one: leads 3 and -0.5.
    assert losses['loss_rank'].item() == pytest.approx(2.0 * (0 + 1.5) / 2)
    assert losses['pair_acc'].item() == 0.5
    # Video 1: speeds 1 1 | 4 1, scores 0.5 0 | 2 1: leads of the 4 are 1.5, 2 and 1: no loss.
    # Video 2: speeds 1 2 | 1 4, scores 0 0 | 0 1: leads of the 2 over both 1s are 0, of the 4 over all others 1.
    assert losses['loss_segment_rank'].item() == pytest.approx(0.5 * (0 + (1 + 1 + 0 + 0 + 0) / 5) / 2)
    assert losses['segment_pair_acc'].item() == pytest.approx((1 + (0.5 + 0.5 + 3) / 5) / 2)
    assert [key for key in losses if 'loss' in key] == ['loss_rank', 'loss_segment_rank']


def test_predictions_by_hand():
    first, second = hand_head().predict(FEATS, samples(*BATCH))
    assert first.speed_score.tolist() == [0, 3]
    assert torch.allclose(first.pred_fastest, torch.tensor([[0.0, 3.0]]).softmax(1))
    assert second.segment_score.tolist() == [[0, 0], [0, 1]]
    assert second.pred_segment.argmax(1)[1] == 1
    assert torch.allclose(second.pred_segment[0], torch.tensor([0.5, 0.5]))


def test_a_segment_that_is_slower_than_the_rest_must_have_the_lowest_score():
    """``base_step=3``: the second segments of two clips play at speeds 1 and 2, the first ones at 3."""
    settings = dict(clip_len=8, num_segments=2, num_speeds=2, num_views=2, distinct_segments=False, base_step=3, seed=0)
    speeds = SegmentPaceSample(**settings)(dict(total_frames=100, sample_idx=0))['clip_speed']
    assert sorted(speeds) == pytest.approx([1 / 3, 2 / 3])
    slowed = np.where(speeds > 0.5, 2.0, 0.0)  # the right order: 0 < 2 < 4
    feats = torch.tensor(np.stack([slowed, (4.0, 4.0), slowed], 1), dtype=torch.float32)[:, :, None, None, None]
    # The leads of the five pairs are 4, 2, 4, 2 and 2, and their negatives in the wrong order.
    for sign, loss, share in ((1, 0.0, 1.0), (-1, (5 + 3 + 5 + 3 + 3) / 5, 0.0)):
        losses = hand_head().loss(sign * feats, samples((speeds, (1, 1))))
        assert losses['loss_segment_rank'].item() == pytest.approx(loss)
        assert losses['segment_pair_acc'].item() == losses['pair_acc'].item() == share


@pytest.mark.parametrize('num_segments', [1, 4])
@pytest.mark.parametrize('hidden_channels', [None, 8])
def test_every_parameter_gets_a_gradient(num_segments, hidden_channels):
    torch.manual_seed(0)
    head = SpeedRankHead(6, num_views=3, num_segments=num_segments, hidden_channels=hidden_channels)
    losses = head.loss(torch.randn(6, 6, 1, 2, 2), samples(((1, 2, 4), (0, 0, 0)), ((4, 1, 2), (0, 0, 0))))
    sum(value for key, value in losses.items() if 'loss' in key).backward()
    without = [name for name, value in head.named_parameters() if value.grad is None]
    assert not without
    # Only the biases of the scores have no effect: they move all clips alike.
    still = [name for name, value in head.named_parameters() if not value.grad.abs().max() > 1e-7]
    assert all(name.startswith('fc_speed') and name.endswith('bias') for name in still), still


def test_whole_clips_alone_have_no_segment_branch():
    head = SpeedRankHead(6, num_views=3)
    assert [task.name for task in head.tasks] == ['fastest']
    assert head(torch.zeros(6, 6, 1, 1, 1)).shape == (2, 3)
    assert not any('segment' in name for name, _ in head.named_parameters())


@pytest.mark.parametrize(('make', 'layers'), [(PaceHead, ['fc_pace']), (VSPPHead, ['fc_speed', 'fc_segment'])])
def test_a_hidden_layer_is_an_option_of_the_heads_that_name_speeds(make, layers):
    assert list(make(6).state_dict()) == [f'{layer}.{part}' for layer in layers for part in ('weight', 'bias')]
    head = make(6, hidden_channels=5)
    feats = torch.randn(2, 6, 1, 1, 1)
    outputs = head(feats)
    for layer, output in zip(layers, outputs if isinstance(outputs, tuple) else (outputs,)):
        first, _, last = getattr(head, layer)
        assert torch.allclose(output, last(first(feats.flatten(1)).clamp(min=0)))
        assert (first.out_features, last.out_features) == (5, 4)


def test_bad_input_is_named():
    with pytest.raises(InputError, match='num_views=1: expected at least two'):
        SpeedRankHead(6, num_views=1)
    with pytest.raises(InputError, match=r'SpeedRankHead.*num_segments=0'):
        SpeedRankHead(6, num_segments=0)
    for weights in (dict(speed_weight=-1), dict(segment_weight=-1)):
        with pytest.raises(InputError, match=f'{next(iter(weights))}=-1'):
            SpeedRankHead(6, **weights)
    for make in (SpeedRankHead, PaceHead, VSPPHead):
        with pytest.raises(InputError, match=f'{make.__name__}.hidden_channels=0'):
            make(6, hidden_channels=0)
    head = SpeedRankHead(3, num_views=2)
    with pytest.raises(InputError, match='3 clips do not divide'):
        head(torch.zeros(3, 3, 1, 1, 1))
    with pytest.raises(InputError, match=r'samples of \[1\] clips'):
        head.loss(torch.zeros(2, 3, 1, 1, 1), samples(((1,), (0,)), ((2,), (0,))))
    with pytest.raises(InputError, match="carry no 'clip_speed'"):
        head.loss(torch.zeros(2, 3, 1, 1, 1), [ActionDataSample()])
