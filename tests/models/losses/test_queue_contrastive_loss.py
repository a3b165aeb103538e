"""InfoNCE against loops, and a queue that moves on before the backward pass."""

import math

import pytest
import torch
import torch.nn.functional as F

from auxskd_mm.errors import InputError
from auxskd_mm.models.losses import QueueContrastiveLoss


def features(count, seed, dim=6):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(count, dim, generator=generator, dtype=torch.float64), dim=1)


@pytest.mark.parametrize('size', [1, 4, 17])
def test_against_loops(size):
    query, key, queue = features(3, 0), features(3, 1), features(size, 2)
    expected = 0.0
    for q, k in zip(query, key):
        positive = math.exp(float(q @ k) / 0.07)
        expected -= math.log(positive / (positive + sum(math.exp(float(q @ a) / 0.07) for a in queue))) / 3
    loss = QueueContrastiveLoss()(query, key, queue)
    assert loss.item() == pytest.approx(expected, rel=1e-9)
    logits = QueueContrastiveLoss().logits(query, key, queue)
    assert logits.shape == (3, 1 + size)
    assert torch.allclose(logits[:, 0], (query * key).sum(1) / 0.07)


def test_the_queue_may_move_on_before_the_backward_pass():
    query, key, queue = features(3, 0).requires_grad_(), features(3, 1).requires_grad_(), features(5, 2)
    frozen = queue.clone()
    loss = QueueContrastiveLoss()(query, key, queue)
    queue[:3] = features(3, 3)  # what an in-place enqueue does
    loss.backward()
    assert key.grad is None  # keys are targets
    p = QueueContrastiveLoss().logits(query, key, frozen).softmax(1)
    pull = p[:, :1] * key - key + p[:, 1:] @ frozen
    assert torch.allclose(query.grad, pull / 0.07 / 3)


def test_several_keys_are_as_each_alone_and_the_queue_is_compared_once(monkeypatch):
    query, queue = features(5, 0), features(7, 2)
    near, far = query + 0.1 * features(5, 1), -query
    loss = QueueContrastiveLoss()
    expected = [loss(query, keys, queue) for keys in (near, far)]
    products = []
    matmul = torch.Tensor.matmul
    monkeypatch.setattr(torch.Tensor, '__matmul__', lambda a, b: products.append(b.shape) or matmul(a, b))
    (first, first_acc), (second, second_acc) = loss.with_accuracy(query, (near, far), queue)
    assert products == [(6, 7)]
    assert [first.item(), second.item()] == pytest.approx([value.item() for value in expected], rel=1e-12)
    assert (first_acc.item(), second_acc.item()) == (1.0, 0.0)


def test_computed_in_float32_under_autocast():
    inputs = features(3, 0).bfloat16(), features(3, 1).bfloat16(), features(5, 2).float()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss = QueueContrastiveLoss()(*inputs)
    assert torch.equal(loss, QueueContrastiveLoss()(*(tensor.float() for tensor in inputs)))


def test_bad_temperature_is_named():
    with pytest.raises(InputError, match='temperature=0'):
        QueueContrastiveLoss(0)
