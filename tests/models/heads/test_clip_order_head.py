"""VCOP's head: the pairs clip by clip, the size of the original, and the meaning of its classes."""

import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmaction.structures import ActionDataSample

from auxskd_mm.errors import InputError
from auxskd_mm.functional import clip_orders
from auxskd_mm.models.heads import ClipOrderHead


def samples(*labels):
    made = []
    for label in labels:
        sample = ActionDataSample()
        sample.set_field(np.array([label]), 'order_label')
        made.append(sample)
    return made


def clip_by_clip(head, feats):
    """The original's forward: one tuple and one pair after the other."""
    logits = []
    for tuple_feats in feats.split(head.tuple_len):
        f = [clip.mean((1, 2, 3)) for clip in tuple_feats]
        pairs = []
        for i in range(head.tuple_len):
            for j in range(i + 1, head.tuple_len):
                pairs.append(torch.relu(head.fc_pair(torch.cat([f[i], f[j]]))))
        logits.append(head.fc_order(torch.cat(pairs)))
    return torch.stack(logits)


@pytest.mark.parametrize('tuple_len', [2, 3, 4, 5])
def test_pairs_in_the_order_of_the_original(tuple_len):
    torch.manual_seed(0)
    head = ClipOrderHead(6, tuple_len, hidden_channels=7).eval()
    feats = torch.randn(2 * tuple_len, 6, 2, 3, 3)
    logits = head(feats)
    assert logits.shape == (2, math.factorial(tuple_len))
    assert torch.allclose(logits, clip_by_clip(head, feats), atol=1e-6)
    losses = head.loss(feats, samples(0, 1))
    assert losses['loss_order'].item() == pytest.approx(F.cross_entropy(logits, torch.tensor([0, 1])).item(), rel=1e-6)
    assert losses['order_acc'].item() == (logits.argmax(1) == torch.tensor([0, 1])).float().mean()
    assert [key for key in losses if 'loss' in key] == ['loss_order']


def test_size_of_the_original():
    assert sum(p.numel() for p in ClipOrderHead(512).parameters()) == 534_022
    assert set(ClipOrderHead(8).state_dict()) == {'fc_pair.weight', 'fc_pair.bias', 'fc_order.weight', 'fc_order.bias'}


def test_a_head_built_by_hand_reads_the_order():
    """Clips show their place in the video as a number; the head then finds every class without training."""
    head = ClipOrderHead(1, hidden_channels=2, dropout=0.0)
    orders = clip_orders(3)
    later = [[float(order[i] > order[j]) for i, j in itertools.combinations(range(3), 2)] for order in orders]
    with torch.no_grad():
        # A pair's two outputs: how much the first clip is later, how much the second.
        head.fc_pair.weight.copy_(torch.tensor([[1.0, -1.0], [-1.0, 1.0]]))
        head.fc_pair.bias.zero_()
        signs = torch.tensor(later)  # (6, 3): whether the pair is the wrong way round in each class
        head.fc_order.weight.copy_(torch.stack([signs, 1 - signs], dim=2).flatten(1))
        head.fc_order.bias.zero_()
        places = torch.tensor([[4.0, 1.0, 3.0]])  # right sign, any size
        assert head(places.T).argmax(1).item() == 4  # 201
        feats = torch.tensor(orders.reshape(-1, 1), dtype=torch.float32)
        batch = head.predict(feats, samples(*range(6)))
    assert [sample.pred_order.argmax(-1).tolist() for sample in batch] == [[0], [1], [2], [3], [4], [5]]
    assert all(sample.pred_order.shape == (1, 6) for sample in batch)
    assert head.loss(feats, samples(*range(6)))['order_acc'].item() == 1.0


def test_dropout_only_in_training():
    torch.manual_seed(0)
    head, feats = ClipOrderHead(6), torch.randn(3, 6)
    assert not torch.equal(head(feats), head(feats))
    head.eval()
    assert torch.equal(head(feats), head(feats))
    assert head.dropout.p == 0.5


def test_bad_input_is_named():
    for tuple_len in (1, 6):
        with pytest.raises(InputError, match=rf'ClipOrderHead\.tuple_len={tuple_len}: expected 2 to 5'):
            ClipOrderHead(6, tuple_len)
    with pytest.raises(InputError, match='hidden_channels=0'):
        ClipOrderHead(6, hidden_channels=0)
    with pytest.raises(InputError, match=r'4 clips do not divide into tuples of model\.cls_head\.tuple_len=3'):
        ClipOrderHead(6)(torch.randn(4, 6))
    with pytest.raises(InputError, match=r"3 predictions for 2 'order_label's"):
        ClipOrderHead(6, tuple_len=2).loss(torch.randn(6, 6), samples(0, 1))  # the sampler took three clips
    with pytest.raises(InputError, match=r"'order_label' runs from 0 to 6, but the head has 6 classes"):
        ClipOrderHead(6).loss(torch.randn(6, 6), samples(0, 6))
