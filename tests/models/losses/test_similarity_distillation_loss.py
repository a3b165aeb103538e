"""The similarity distillation against softmax and torch's own divergence on full matrices in float64."""

import math
from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F

from auxskd_mm.errors import InputError
from auxskd_mm.models.losses import SimilarityDistillationLoss


def features(batch, size, width=6, seed=0, dtype=torch.float64):
    """Student, teacher and unit anchors."""
    generator = torch.Generator().manual_seed(seed)
    student, teacher, anchors = (torch.randn(n, width, generator=generator, dtype=dtype) for n in (batch, batch, size))
    return student, teacher, F.normalize(anchors, dim=1)


def naive(student, teacher, anchors, tau_s=0.1, tau_t=0.02):
    """The original's formula, every matrix written out, in float64."""
    student, teacher, anchors = (t.double() for t in (student, teacher, anchors))
    log_p = (F.normalize(student, dim=1) @ anchors.T / tau_s).log_softmax(1)
    target = (F.normalize(teacher, dim=1) @ anchors.T / tau_t).softmax(1)
    return F.kl_div(log_p, target, reduction='batchmean')


@pytest.mark.parametrize('size', [1, 4, 5, 6, 15, 16, 17, 40])
@pytest.mark.parametrize('batch', [1, 2, 7])
@pytest.mark.parametrize(('tau_s', 'tau_t'), [(0.1, 0.02), (0.02, 0.1), (1.0, 1.0), (0.01, 3.0)])
def test_value_and_gradient(batch, size, tau_s, tau_t):
    student, teacher, anchors = features(batch, size)
    module = SimilarityDistillationLoss(tau_s, tau_t)
    q, expected = student.clone().requires_grad_(), naive_by_hand(student, teacher, anchors, tau_s, tau_t)
    loss = module(q, teacher, anchors)
    (3 * loss).backward()
    assert loss.item() == pytest.approx(expected.loss, rel=1e-9, abs=1e-11)
    assert torch.allclose(q.grad, 3 * expected.gradient, rtol=1e-8, atol=1e-10)
    if size == 1:
        assert loss.item() == 0
    assert torch.equal(module(student, teacher, anchors, with_diagnostics=True)[0], loss)


class ByHand(NamedTuple):
    loss: float
    gradient: torch.Tensor


def naive_by_hand(student, teacher, anchors, tau_s, tau_t):
    """The divergence clip by clip and anchor by anchor in float64, and its gradient by the chain rule on paper."""
    loss, gradient = 0.0, torch.zeros_like(student)
    for b, (raw, other) in enumerate(zip(student, teacher)):
        q, k = raw / raw.norm(), other / other.norm()
        s, t = [float(q @ a) / tau_s for a in anchors], [float(k @ a) / tau_t for a in anchors]
        log_s, log_t = ([x - max(v) - math.log(sum(math.exp(y - max(v)) for y in v)) for x in v] for v in (s, t))
        loss += sum(math.exp(lt) * (lt - ls) for ls, lt in zip(log_s, log_t)) / len(student)
        # dL/dq = sum_j (p_s(j) - p_t(j)) a_j / tau_s; the normalisation takes the part along q away.
        pull = sum((math.exp(ls) - math.exp(lt)) * a for ls, lt, a in zip(log_s, log_t, anchors)) / tau_s
        gradient[b] = (pull - (pull @ q) * q) / raw.norm() / len(student)
    return ByHand(loss, gradient)


def test_gradcheck():
    student, teacher, anchors = features(3, 13)
    loss = SimilarityDistillationLoss()
    assert torch.autograd.gradcheck(lambda q: loss(q, teacher, anchors), student.requires_grad_())


def test_anchors_are_used_as_given():
    student, teacher, anchors = features(4, 9)
    short = 0.09 * anchors  # auxSKD's queue starts with rows of this norm
    loss = SimilarityDistillationLoss()(student, teacher, short)
    assert loss.item() == pytest.approx(naive(student, teacher, short).item(), rel=1e-10)
    assert loss.item() < naive(student, teacher, anchors).item() / 5


@pytest.mark.parametrize('scale', [1.0, 1e3, 1e5])
def test_extreme_similarities_in_float32(scale):
    student, teacher, anchors = features(5, 17, dtype=torch.float32)
    student[0], teacher[0] = anchors[3], -anchors[3]  # cosine 1 against cosine -1
    anchors = anchors * scale
    q = student.clone().requires_grad_()
    loss = SimilarityDistillationLoss(0.05, 0.01)(q, teacher, anchors)
    loss.backward()
    expected = naive(student, teacher, anchors, 0.05, 0.01)
    # The loss is a difference of logits of this size.
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5, abs=1e-6 * scale / 0.01)
    assert torch.isfinite(q.grad).all()


def test_auxskd_sizes_in_float32():
    student, teacher, anchors = features(30, 15360, 128, dtype=torch.float32)
    teacher = student + 0.3 * teacher
    loss = SimilarityDistillationLoss()(student, teacher, anchors)
    assert loss.item() == pytest.approx(naive(student, teacher, anchors).item(), abs=1e-5)


def test_autocast_computes_in_float32():
    student, teacher, anchors = features(8, 33, dtype=torch.float32)
    student, teacher = student.bfloat16().requires_grad_(), teacher.bfloat16()
    loss = SimilarityDistillationLoss()
    with torch.autocast('cpu', torch.bfloat16):
        value, diagnostics = loss(student, teacher, anchors, with_diagnostics=True)
    expected = loss(student.detach().float(), teacher.float(), anchors)
    assert value.dtype == torch.float32
    assert {d.dtype for d in diagnostics} == {torch.float32}
    assert torch.equal(value, expected)
    value.backward()
    assert student.grad.dtype == torch.bfloat16


def test_only_the_student_gets_a_gradient():
    student, teacher, anchors = (t.requires_grad_() for t in features(4, 9))
    SimilarityDistillationLoss()(student, teacher, anchors).backward()
    assert student.grad.abs().sum() > 0
    assert teacher.grad is None
    assert anchors.grad is None


def test_anchors_may_change_before_the_backward_pass():
    student, teacher, anchors = features(4, 9)
    gradients = []
    for overwrite in (False, True):
        q, a, k = student.clone().requires_grad_(), anchors.clone(), teacher.clone()
        loss = SimilarityDistillationLoss()(q, k, a)
        if overwrite:
            a.zero_()
            k.zero_()
        loss.backward()
        gradients.append(q.grad)
    assert torch.equal(*gradients)


def test_the_similarities_are_computed_once_for_loss_and_diagnostics(monkeypatch):
    products = []
    matmul = torch.Tensor.matmul
    monkeypatch.setattr(torch.Tensor, '__matmul__', lambda a, b: products.append(b.shape) or matmul(a, b))
    SimilarityDistillationLoss()(*features(4, 9), with_diagnostics=True)
    assert products == [(6, 9), (6, 9)]  # student and teacher


@pytest.mark.parametrize('size', [1, 15, 40])
def test_diagnostics_by_the_long_way(size):
    student, teacher, anchors = features(9, size)
    teacher = student + 0.7 * teacher
    found = SimilarityDistillationLoss(0.1, 0.02)(student.requires_grad_(), teacher, anchors, with_diagnostics=True)[1]
    q, k = F.normalize(student.detach(), dim=1), F.normalize(teacher, dim=1)
    for vectors, tau, entropy, spread in (
        (k, 0.02, found.teacher_entropy, found.teacher_std),
        (q, 0.1, found.student_entropy, found.student_std),
    ):
        distribution = torch.distributions.Categorical(logits=vectors @ anchors.T / tau)
        assert torch.allclose(entropy, distribution.entropy().mean(), atol=1e-10)
        variance = sum((v - vectors.mean(0)) ** 2 for v in vectors) / len(vectors)
        assert torch.allclose(spread, variance.sqrt().mean() * math.sqrt(6))
    agreement = ((q @ anchors.T).argmax(1) == (k @ anchors.T).argmax(1)).double().mean()
    assert found.anchor_agreement == agreement
    assert not any(value.requires_grad for value in found)


def diagnose(student, teacher, anchors):
    return SimilarityDistillationLoss()(student, teacher, anchors, with_diagnostics=True)[1]


def test_diagnostics_at_their_limits():
    student, teacher, anchors = features(4, 23)
    equal = diagnose(student, teacher, anchors[:1].expand(23, -1))
    assert equal.teacher_entropy.item() == pytest.approx(math.log(23))
    assert equal.student_entropy.item() == pytest.approx(math.log(23))
    axes = torch.eye(6, dtype=torch.float64)
    certain = diagnose(axes[:2], axes[[0, 2]], axes)
    # The others are exp(-50) of the one that dominates for the teacher, exp(-10) for the student.
    assert certain.teacher_entropy.item() == pytest.approx(0, abs=1e-12)
    assert certain.student_entropy.item() == pytest.approx(5 * 11 * math.exp(-10), rel=1e-3)
    assert certain.anchor_agreement.item() == 0.5
    constant = diagnose(student[:1].expand(4, -1), teacher, anchors)
    assert constant.student_std.item() == pytest.approx(0, abs=1e-7)
    many = features(2000, 1, 64)[0]
    healthy = diagnose(many, many, anchors.new_ones(1, 64))
    assert healthy.student_std.item() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize('key', ['student_temperature', 'teacher_temperature'])
@pytest.mark.parametrize('value', [0, -0.1, float('nan')])
def test_temperatures_are_positive(key, value):
    with pytest.raises(InputError, match=rf'SimilarityDistillationLoss\.{key}=.*above 0'):
        SimilarityDistillationLoss(**{key: value})
