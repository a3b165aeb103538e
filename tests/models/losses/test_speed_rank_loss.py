"""Speed ranking against hand values and against torch's own margin ranking loss, pair by pair."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from auxskd_mm.errors import InputError
from auxskd_mm.models.losses import SpeedRankLoss, pair_accuracy, segment_speeds


def pair_by_pair(scores, speeds, margin):
    """The slow second way: a loop over videos and pairs."""
    videos = []
    for row, own in zip(scores, speeds):
        pairs = [
            F.margin_ranking_loss(row[i], row[j], torch.sign(own[i] - own[j]), margin=margin)
            for i, j in itertools.combinations(range(len(row)), 2)
            if own[i] != own[j]
        ]
        videos.append(torch.stack(pairs).mean() if pairs else row.new_zeros(()))
    return torch.stack(videos).mean()


def test_by_hand():
    scores = torch.tensor([[0.5, 2.0, 1.0], [3.0, 0.0, 1.0]])
    speeds = torch.tensor([[1.0, 2.0, 4.0], [8.0, 8.0, 2.0]])
    # Video 1: leads 2 over 1: 1.5, 4 over 1: 0.5, 4 over 2: -1. Video 2: 2 and -1 over the slow clip; the two fast ones
    # have no order.
    first, second = (0 + 0.5 + 2) / 3, (0 + 2) / 2
    assert SpeedRankLoss()(scores, speeds).item() == pytest.approx((first + second) / 2)
    assert SpeedRankLoss(margin=3.0)(scores, speeds).item() == pytest.approx(((1.5 + 2.5 + 4) / 3 + (1 + 4) / 2) / 2)
    assert pair_accuracy(scores, speeds).tolist() == pytest.approx([2 / 3, 1 / 2])


@pytest.mark.parametrize(('videos', 'clips', 'margin'), [(1, 2, 1.0), (5, 4, 0.3), (7, 9, 2.0)])
def test_against_torch_with_gradients(videos, clips, margin):
    generator = torch.Generator().manual_seed(clips)
    scores = torch.randn(videos, clips, generator=generator, dtype=torch.float64, requires_grad=True)
    speeds = torch.randint(1, 4, (videos, clips), generator=generator).double()
    speeds[:, 0] = 9
    ours, slow = SpeedRankLoss(margin)(scores, speeds), pair_by_pair(scores, speeds, margin)
    assert ours.item() == pytest.approx(slow.item(), rel=1e-12)
    assert torch.allclose(*(torch.autograd.grad(one, scores)[0] for one in (ours, slow)), rtol=1e-12)


def test_clips_of_different_videos_are_never_compared():
    scores = torch.randn(2, 3)
    speeds = torch.tensor([[1.0, 2.0, 4.0], [2.0, 1.0, 8.0]])
    moved = scores + torch.tensor([[100.0], [-7.0]])  # only the differences within a row count
    assert SpeedRankLoss()(moved, speeds).item() == pytest.approx(SpeedRankLoss()(scores, speeds).item(), rel=1e-4)


def test_equal_speeds_give_no_loss_no_gradient_and_no_accuracy():
    scores = torch.randn(2, 3, requires_grad=True)
    loss = SpeedRankLoss()(scores, torch.full((2, 3), 2.0))
    loss.backward()
    assert loss.item() == 0
    assert not scores.grad.any()
    assert pair_accuracy(scores.detach(), torch.ones(2, 3)).isnan().all()


def test_chance_is_a_half_for_equal_and_for_random_scores():
    speeds = torch.tensor([[1.0, 2.0, 3.0, 4.0]]).expand(4000, 4)
    assert pair_accuracy(torch.zeros(4000, 4), speeds).unique().tolist() == [0.5]
    random = pair_accuracy(torch.rand(4000, 4, generator=torch.Generator().manual_seed(0)), speeds)
    assert random.mean().item() == pytest.approx(0.5, abs=0.02)


def test_half_precision_scores_are_compared_in_float32():
    scores = torch.tensor([[1000.0, 999.0]], dtype=torch.bfloat16)
    assert SpeedRankLoss()(scores, torch.tensor([[2.0, 1.0]])).dtype == torch.float32


def test_two_halves_of_a_batch_average_to_the_whole():
    """As DistributedDataParallel averages over ranks, also if one half has fewer pairs."""
    scores = torch.randn(4, 6)
    speeds = torch.ones(4, 6)
    speeds[:2, 3] = 2.0
    speeds[2:] = torch.arange(1.0, 7.0)
    loss = SpeedRankLoss()
    halves = (loss(scores[:2], speeds[:2]) + loss(scores[2:], speeds[2:])) / 2
    assert halves.item() == pytest.approx(loss(scores, speeds).item(), rel=1e-6)


def test_segment_speeds_by_hand():
    speeds = segment_speeds(torch.tensor([4.0, 1.0, 2.0]), torch.tensor([1, 0, 0]), 2)
    assert speeds.tolist() == [[1, 4], [1, 1], [2, 1]]


@pytest.mark.parametrize('margin', [0, -1.0, float('nan')])
def test_a_margin_that_demands_nothing_is_refused(margin):
    with pytest.raises(InputError, match=r'SpeedRankLoss\.margin='):
        SpeedRankLoss(margin)
