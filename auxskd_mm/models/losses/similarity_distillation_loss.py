"""Similarity distillation: the loss of auxSKD."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import InputError
from ...registry import MODELS


class SimilarityDiagnostics(NamedTuple):
    """Diagnostics of one batch that show a collapse, as scalar tensors.

    Attributes:
        teacher_entropy: Mean entropy in nats of the teacher's distribution over the anchors. It is log K if the
            distribution is uniform.
        student_entropy: The same for the student.
        anchor_agreement: Share of clips whose nearest anchor is the same for student and teacher.
        student_std: Standard deviation of the normalised student features over the batch. It is averaged over the D
            dimensions and multiplied by sqrt(D). It is near 1 when the features spread over the sphere, and 0 when all
            features are equal.
        teacher_std: The same for the teacher.
    """

    teacher_entropy: Tensor
    student_entropy: Tensor
    anchor_agreement: Tensor
    student_std: Tensor
    teacher_std: Tensor


class _Compared(NamedTuple):
    """Normalised features (B, D) of both views and their log probabilities (B, K) over the anchors."""

    query: Tensor
    key: Tensor
    student: Tensor
    teacher: Tensor


@MODELS.register_module()
class SimilarityDistillationLoss(nn.Module):
    """KL divergence between the teacher's and the student's similarities to anchors.

    q and k are the L2-normalised student and teacher features of B clips, a_1 .. a_K the anchors::

        p_s(j) = softmax_j(q . a_j / student_temperature)
        p_t(j) = softmax_j(k . a_j / teacher_temperature)
        L = 1/B sum_b KL(p_t || p_s)

    The teacher's distribution is the target, so only the student gets a gradient. The loss is computed in float32 or
    better, also under autocast.

    Args:
        student_temperature: Divisor of the student's similarities, above 0.
        teacher_temperature: Divisor of the teacher's similarities, above 0. A smaller value makes the targets sharper.

    Raises:
        InputError: If a temperature is not positive.

    Example:
        >>> import torch
        >>> from auxskd_mm.models.losses import SimilarityDistillationLoss
        >>> loss = SimilarityDistillationLoss(student_temperature=1.0, teacher_temperature=1.0)
        >>> anchors = torch.eye(2)
        >>> student = torch.tensor([[1.0, 0.0]], requires_grad=True)
        >>> value, diagnostics = loss(student, torch.tensor([[0.0, 1.0]]), anchors, with_diagnostics=True)
        >>> round(value.item(), 4)  # tanh(1/2): each side gives its own anchor 0.7311, the other one 0.2689
        0.4621
        >>> diagnostics.anchor_agreement.item()
        0.0
        >>> value.backward()

    Source: Plrbear/auxSKD @ 79e99b8, which hard-codes 0.1 and 0.02 and ignores its arguments; ISD (Tejankar et al.,
    ICCV 2021).
    """

    def __init__(self, student_temperature: float = 0.1, teacher_temperature: float = 0.02) -> None:
        super().__init__()
        for name, value in (('student_temperature', student_temperature), ('teacher_temperature', teacher_temperature)):
            if not value > 0:
                raise InputError(f'SimilarityDistillationLoss.{name}={value}: expected a temperature above 0, e.g. 0.1')
        self.student_temperature = float(student_temperature)
        self.teacher_temperature = float(teacher_temperature)

    def forward(
        self,
        student: Tensor,
        teacher: Tensor,
        anchors: Tensor,
        with_diagnostics: bool = False,
        student_anchors: Tensor | None = None,
    ) -> Tensor | tuple[Tensor, SimilarityDiagnostics]:
        """The loss, and diagnostics from the same similarities.

        Args:
            student: (B, D). The loss normalises it.
            teacher: (B, D). The loss normalises it and passes no gradient to it.
            anchors: (K, D). The loss uses them as they are and passes no gradient to them. They may change in place
                before the backward pass.
            with_diagnostics: Whether to return the diagnostics too.
            student_anchors: (K, D_s), the student's own features of the samples behind ``anchors``, row by row. The
                student is then compared with these, and its width D_s need not be D. None compares both with
                ``anchors``.

        Returns:
            The scalar loss. With diagnostics, the pair (loss, diagnostics). The diagnostics have no gradient.
        """
        compared = self._compare(student, teacher, anchors, student_anchors)  # log-probabilities, twice (B, K)
        # KL(teacher || student), summed over the anchors, averaged over the batch.
        loss = F.kl_div(compared.student, compared.teacher, reduction='batchmean', log_target=True)
        return (loss, _diagnose(compared)) if with_diagnostics else loss

    def _compare(
        self, student: Tensor, teacher: Tensor, anchors: Tensor, student_anchors: Tensor | None = None
    ) -> _Compared:
        with torch.autocast(student.device.type, enabled=False):
            dtype = torch.promote_types(student.dtype, torch.float32)
            query = F.normalize(student.to(dtype), dim=1)  # (B, D)
            key = F.normalize(teacher.detach().to(dtype), dim=1)  # (B, D)
            # A copy: the backward pass needs these anchors, and the queue moves on before it.
            anchors = anchors.detach().to(dtype, copy=True)  # (K, D)
            mine = anchors if student_anchors is None else student_anchors.detach().to(dtype, copy=True)  # (K, D_s)
            log_student = (query @ mine.T / self.student_temperature).log_softmax(1)  # (B, K)
            log_teacher = (key @ anchors.T / self.teacher_temperature).log_softmax(1)  # (B, K)
        return _Compared(query, key, log_student, log_teacher)


@torch.no_grad()
def _diagnose(compared: _Compared) -> SimilarityDiagnostics:
    logs = (compared.teacher, compared.student)  # (B, K) each
    entropies = [-(log.exp() * log).sum(1).mean() for log in logs]
    nearest = [log.argmax(1) for log in logs]  # (B,) each
    agreement = (nearest[0] == nearest[1]).to(compared.query.dtype).mean()
    # A normalised feature that fills its D dimensions evenly has a deviation of 1/sqrt(D) in each.
    spread = [f.std(0, unbiased=False).mean() * f.shape[1] ** 0.5 for f in (compared.query, compared.key)]
    return SimilarityDiagnostics(entropies[0], entropies[1], agreement, spread[0], spread[1])
