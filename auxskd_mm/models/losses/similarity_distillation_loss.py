"""Similarity distillation: the loss of auxSKD."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ...errors import InputError
from ...registry import MODELS

_CHUNK = 16384  # anchors at a time: bounds the memory at any queue size, and takes auxSKD's 15,360 in one go


class _Attention(NamedTuple):
    """How features see the anchors.

    Attributes:
        log_z: (B,), logarithm of the sum of exp(similarity / temperature).
        mean_anchor: (B, D), anchors averaged with the softmax as weights.
        energy: (B,), mean of similarity / temperature under the softmax.
    """

    log_z: Tensor
    mean_anchor: Tensor
    energy: Tensor


def _attend(features: Tensor, anchors: Tensor, temperature: float) -> _Attention:
    """One pass over the anchors that never holds more than one matrix of B x min(K, chunk).

    The softmax's sums are kept relative to the largest logit so far, and scaled down when a chunk brings a larger one.
    """
    largest = features.new_full((len(features), 1), -torch.inf)
    total = torch.zeros_like(largest)
    weighted = torch.zeros_like(features)
    for chunk in anchors.split(_CHUNK):
        logits = (features @ chunk.T).div_(temperature)
        previous, largest = largest, torch.maximum(largest, logits.amax(1, keepdim=True))
        weights, shrink = logits.sub_(largest).exp_(), (previous - largest).exp()
        total = total * shrink + weights.sum(1, keepdim=True)
        weighted = torch.addmm(weighted * shrink, weights, chunk)
    mean_anchor = weighted / total
    log_z = (largest + total.log())[:, 0]
    return _Attention(log_z, mean_anchor, (features * mean_anchor).sum(1) / temperature)


class _SimilarityKL(torch.autograd.Function):
    """Mean KL(softmax(t) || softmax(s)) of similarities s = q A^T / tau_s and t = k A^T / tau_t.

    Both sides of the divergence are linear in the similarities, and those in the anchors. So with m_s, m_t the anchors
    averaged under either softmax, the loss is ``k.m_t / tau_t - log Z_t - q.m_t / tau_s + log Z_s`` and its gradient
    ``(m_s - m_t) / (B tau_s)``: no matrix of B x K outlives the forward pass, and the anchors may change before the
    backward pass without having been copied.
    """

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, anchors: Tensor, tau_s: float, tau_t: float) -> Tensor:
        student, teacher = _attend(query, anchors, tau_s), _attend(key, anchors, tau_t)
        ctx.save_for_backward((student.mean_anchor - teacher.mean_anchor) / (len(query) * tau_s))
        cross_energy = (query * teacher.mean_anchor).sum(1) / tau_s
        return (teacher.energy - teacher.log_z - cross_energy + student.log_z).mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> Any:
        (grad,) = ctx.saved_tensors
        return grad_output * grad, None, None, None, None


class SimilarityDiagnostics(NamedTuple):
    """What tells a healthy run from a collapsed one: scalars of one batch.

    Attributes:
        teacher_entropy: Mean entropy in nats of the teacher's distribution over the anchors; log K is no knowledge at
            all.
        student_entropy: The student's.
        anchor_agreement: Share of clips whose nearest anchor is the same for both.
        student_std: Standard deviation over the batch of the normalised student features, mean over the D dimensions,
            times sqrt(D): near 1 when they spread over the sphere, 0 when all are one.
        teacher_std: The teacher's.
    """

    teacher_entropy: Tensor
    student_entropy: Tensor
    anchor_agreement: Tensor
    student_std: Tensor
    teacher_std: Tensor


@MODELS.register_module()
class SimilarityDistillationLoss(nn.Module):
    """The teacher's similarities to anchors as targets for the student's.

    With q, k the L2-normalised student and teacher features of B clips and anchors a_1 .. a_K::

        p_s(j) = softmax_j(q . a_j / student_temperature)
        p_t(j) = softmax_j(k . a_j / teacher_temperature)
        L = 1/B sum_b KL(p_t || p_s)

    Gradients reach the student alone. Computed in float32 at least, whatever autocast says. Memory: one matrix of
    B x min(K, 16384) while it runs, nothing of that size for the backward pass.

    Args:
        student_temperature: Divides the student's similarities, > 0.
        teacher_temperature: Divides the teacher's, > 0; the smaller, the sharper the targets.

    Raises:
        InputError: If a temperature is not positive.

    Source: Plrbear/auxSKD @ 79e99b8 (0.1 and 0.02 are hard-coded there, its arguments unused); ISD (Tejankar et al.,
    ICCV 2021).
    """

    def __init__(self, student_temperature: float = 0.1, teacher_temperature: float = 0.02) -> None:
        super().__init__()
        for name, value in (('student_temperature', student_temperature), ('teacher_temperature', teacher_temperature)):
            if not value > 0:
                raise InputError(f'SimilarityDistillationLoss.{name}={value}: expected a temperature above 0, e.g. 0.1')
        self.student_temperature = float(student_temperature)
        self.teacher_temperature = float(teacher_temperature)

    def forward(self, student: Tensor, teacher: Tensor, anchors: Tensor) -> Tensor:
        """The loss.

        Args:
            student: (B, D); normalised here.
            teacher: (B, D); normalised here, no gradient.
            anchors: (K, D), used as given, no gradient.

        Returns:
            Scalar.
        """
        with torch.autocast(student.device.type, enabled=False):
            query, key, anchors = _prepare(student, teacher, anchors)
            return _SimilarityKL.apply(query, key, anchors, self.student_temperature, self.teacher_temperature)

    @torch.no_grad()
    def diagnose(self, student: Tensor, teacher: Tensor, anchors: Tensor) -> SimilarityDiagnostics:
        """Diagnostics of a batch; arguments as of :meth:`forward`."""
        with torch.autocast(student.device.type, enabled=False):
            query, key, anchors = _prepare(student, teacher, anchors)
            entropies, nearest = [], []
            for features, temperature in ((key, self.teacher_temperature), (query, self.student_temperature)):
                attention = _attend(features, anchors, temperature)
                entropies.append((attention.log_z - attention.energy).mean())
                nearest.append(_nearest(features, anchors))
        agreement = (nearest[0] == nearest[1]).to(query.dtype).mean()
        # A normalised feature that fills its D dimensions evenly has a deviation of 1/sqrt(D) in each.
        spread = [f.std(0, unbiased=False).mean() * f.shape[1] ** 0.5 for f in (query, key)]
        return SimilarityDiagnostics(entropies[0], entropies[1], agreement, spread[0], spread[1])


def _prepare(student: Tensor, teacher: Tensor, anchors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Normalised query and key, and anchors, of one type that is float32 or better."""
    dtype = torch.promote_types(student.dtype, torch.float32)
    query = F.normalize(student.to(dtype), dim=1)
    key = F.normalize(teacher.detach().to(dtype), dim=1)
    return query, key, anchors.detach().to(dtype)


def _nearest(features: Tensor, anchors: Tensor) -> Tensor:
    """Row of the most similar anchor, int64 (B,)."""
    best = [(features @ chunk.T).max(1) for chunk in anchors.split(_CHUNK)]
    chunk = torch.stack([part.values for part in best]).argmax(0)
    rows = torch.stack([part.indices for part in best]).gather(0, chunk[None])[0]
    return rows + chunk * _CHUNK
