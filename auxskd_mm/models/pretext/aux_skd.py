"""auxSKD: the auxiliary phase."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from ...errors import InputError
from ...registry import MODELS
from ..modules.pooling import pool_features
from ..modules.side_stream import run_beside
from .teacher_model import TeacherModel


@MODELS.register_module()
class AuxSKD(TeacherModel):
    """Similarity distillation between two segment-paced views of a video.

    The student gets one view of a video. The teacher gets a second view with another paced segment and another pace.
    Both features are compared with a queue of anchors, which are the teacher's features of earlier videos. The student
    learns the teacher's similarities::

        q = predictor(neck(backbone(student view)))
        k = teacher.neck(teacher.backbone(teacher view))        no gradient
        loss = KL(softmax(k . anchors / 0.02) || softmax(q . anchors / 0.1))
        k enters the queue, the oldest keys leave it

    :class:`SKDDistillerHook` starts and updates the teacher. The config must attach this hook.

    Args:
        backbone: Config of the student's backbone.
        neck: Config of the projector from the backbone width C to D. The original has ``MLP(512, 128)``, one linear
            layer.
        predictor: Config of the student's predictor from D to D. The original has ``MLP(128, 128, 1024)``.
        queue_size: Number of anchors K. The original's default is 15,360.
        loss: Config of the loss. None builds :class:`SimilarityDistillationLoss`. A loss of your own needs its option
            ``with_diagnostics``.
        queue_init: ``'unit'``, or ``'columns'`` for the original's start. See :class:`FeatureQueue`.
        shuffle: See :class:`TeacherModel`.
        overlap_teacher: Run the teacher on its own CUDA stream, in parallel to the student. Results do not change. The
            option takes more memory, because the streams share no memory. It has no effect without CUDA. It does not
            work with ``torch.compile(mode='reduce-overhead')``, because CUDA graphs must run one after the other.
        data_preprocessor: See :class:`PretextModel`.
        init_cfg: See :class:`PretextModel`.

    Raises:
        InputError: If widths do not fit together, the queue size is below 1, or the backbone yields several maps.

    Source: Dadashzadeh, Whone, Mirmehdi, CVPRW 2022; Plrbear/auxSKD @ 79e99b8. The model at that HEAD cannot be
    constructed, so the procedure follows the first upload f0a318d.
    """

    method = 'auxSKD'
    summary = 'auxSKD, the auxiliary phase: similarities to a queue, distilled from an EMA teacher'

    def __init__(
        self,
        backbone: dict,
        neck: dict,
        predictor: dict,
        queue_size: int = 15360,
        loss: dict | None = None,
        queue_init: str = 'unit',
        shuffle: bool = True,
        data_preprocessor: dict | nn.Module | None = None,
        init_cfg: dict | list | None = None,
        overlap_teacher: bool = False,
    ) -> None:
        super().__init__(backbone, 2, shuffle, data_preprocessor, init_cfg)
        self.overlap_teacher = overlap_teacher
        self.neck = MODELS.build(neck)
        self.predictor = MODELS.build(predictor)
        width = _check_widths(self.backbone, self.neck, self.predictor)
        self.build_teacher(queue_size, width, queue_init)
        self.similarity_loss = MODELS.build(loss or dict(type='auxskd_mm.SimilarityDistillationLoss'))

    def student_modules(self) -> dict[str, nn.Module]:
        """The modules that the teacher averages."""
        return dict(backbone=self.backbone, neck=self.neck)

    def loss(self, inputs: Tensor, data_samples: Sequence[Any] | None = None) -> dict[str, Tensor]:
        """Distil one batch.

        Args:
            inputs: (B, 2, C, T, H, W), the student's view first.
            data_samples: Not used, because the phase needs no labels.

        Returns:
            The scalar ``loss_similarity`` and the scalar diagnostics of :class:`SimilarityDiagnostics` without
            gradient.
        """
        student_view, teacher_view = self.views(inputs)  # (B, C, T, H, W) each
        student, teacher = self._both(student_view, teacher_view)  # (B, D) each
        # The anchors (K, D) are those before this batch: a clip's own key is not among them.
        loss, diagnostics = self.similarity_loss(student, teacher, self.queue.features, with_diagnostics=True)
        self.enqueue(teacher)  # the oldest B anchors leave
        return dict(loss_similarity=loss, **diagnostics._asdict())

    def _both(self, student_view: Tensor, teacher_view: Tensor) -> tuple[Tensor, Tensor]:
        def student() -> Tensor:
            return self.predictor(self.embed(self, student_view))

        if self.overlap_teacher:
            return run_beside(student, self.teacher_features, teacher_view)
        return student(), self.teacher_features(teacher_view)

    def forward_parts(self, inputs: Tensor) -> list[Tensor]:
        """Run student and teacher on one sample. See :meth:`PretextModel.forward_parts`.

        Args:
            inputs: One sample, (1, 2, C, T, H, W).

        Returns:
            The student's prediction and the teacher's feature, (1, D) each.
        """
        student_view, teacher_view = self.views(inputs)
        return [self.predictor(self.embed(self, student_view)), self.embed(self.teacher, teacher_view)]

    def embed(self, network: Any, clips: Tensor) -> Tensor:
        """Projected features (B, D) of clips (B, C, T, H, W), not normalised. See :meth:`TeacherModel.embed`."""
        pooled = pool_features(network.backbone(clips))  # (B, C)
        _check_neck(network.neck, pooled.shape[1])
        return network.neck(pooled)  # (B, D)


def _check_neck(neck: nn.Module, width: int) -> None:
    into = getattr(neck, 'in_channels', width)
    if into != width:
        raise InputError(f'model.neck.in_channels={into}: the backbone yields {width} channels; set it to {width}')


def _check_widths(backbone: nn.Module, neck: nn.Module, predictor: nn.Module) -> int:
    """Check that backbone, neck and predictor fit together, and return the width D of the features."""
    # MMAction2's networks do not say their width; theirs is checked when the first batch arrives.
    if isinstance(out := getattr(backbone, 'out_channels', None), int):
        _check_neck(neck, out)
    width = getattr(neck, 'out_channels', None)
    if width is None:
        raise InputError(
            f'model.neck: {type(neck).__name__} has no out_channels; use auxskd_mm.MLP or give it that attribute'
        )
    for key in ('in_channels', 'out_channels'):
        value = getattr(predictor, key, width)
        if value != width:
            raise InputError(f'model.predictor.{key}={value}: the neck yields {width} channels; set it to {width}')
    return width
