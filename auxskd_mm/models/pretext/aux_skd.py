"""auxSKD: the auxiliary phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor, nn

from ...errors import InputError, check_weights
from ...registry import MODELS
from ..losses import SimilarityDiagnostics
from ..modules.feature_queue import FeatureQueue
from ..modules.pooling import pool_features
from ..modules.side_stream import run_beside
from .frozen_teacher import FrozenTeacher, build_frozen_teacher
from .teacher_model import TeacherModel


class StudentPass(NamedTuple):
    """What the student makes of B clips.

    Attributes:
        feats: Output of the backbone, in any of its forms.
        pooled: (B, C).
        query: (B, D), the prediction for the EMA teacher, or None without one.
    """

    feats: Any
    pooled: Tensor
    query: Tensor | None


@MODELS.register_module()
class AuxSKD(TeacherModel):
    """Similarity distillation between two segment-paced views of a video, (B, 2, C, T, H, W).

    The student gets one view of a video. The teacher gets a second view with another paced segment and another pace.
    Both features are compared with a queue of anchors, which are the teacher's features of earlier videos. The student
    learns the teacher's similarities::

        q = predictor(neck(backbone(student view)))
        k = teacher.neck(teacher.backbone(teacher view))        no gradient
        loss = KL(softmax(k . anchors / 0.02) || softmax(q . anchors / 0.1))
        k enters the queue, the oldest keys leave it

    :class:`SKDDistillerHook` starts and updates the teacher. The config must attach this hook.

    ``teacher`` adds a second teacher, a frozen public network. It has its own loss, queue and projector of the student,
    see :class:`FrozenTeacher`. The total is ``ema_weight`` times the loss above plus ``teacher.weight`` times the
    second. With ``ema_weight=0`` the frozen teacher is alone, and there is no ``neck``, ``predictor``, ``teacher`` and
    ``queue``.

    Args:
        backbone: Config of the student's backbone.
        neck: Config of the projector from the backbone width C to D. The original has ``MLP(512, 128)``, one linear
            layer. None only with ``ema_weight=0``.
        predictor: Config of the student's predictor from D to D. The original has ``MLP(128, 128, 1024)``. None only
            with ``ema_weight=0``.
        queue_size: Number of anchors K of each teacher. The original's default is 15,360.
        loss: Config of the loss. None builds :class:`SimilarityDistillationLoss`. A loss of your own needs its option
            ``with_diagnostics``.
        queue_init: ``'unit'``, or ``'columns'`` for the original's start. See :class:`FeatureQueue`.
        overlap_teacher: Run the teachers on their own CUDA stream, in parallel to the student. Results do not change.
            The option takes more memory, because the streams share no memory. It has no effect without CUDA. It does
            not work with ``torch.compile(mode='reduce-overhead')``, because CUDA graphs must run one after the other.
        teacher: Config of a :class:`FrozenTeacher`, whose ``type`` may be left out. The config of a backbone alone
            works too. None is the paper's method.
        ema_weight: Weight of the EMA teacher's loss, 0 or more.
        kwargs: See :class:`TeacherModel`.

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
        neck: dict | None = None,
        predictor: dict | None = None,
        queue_size: int = 15360,
        loss: dict | None = None,
        queue_init: str = 'unit',
        overlap_teacher: bool = False,
        teacher: dict | None = None,
        ema_weight: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(backbone, 2, **kwargs)
        self.overlap_teacher = overlap_teacher
        self.ema_weight = ema_weight
        _check_teachers(ema_weight, neck, predictor, teacher)
        self.has_ema = ema_weight > 0
        if neck is not None and predictor is not None and self.has_ema:
            self.neck = MODELS.build(neck)
            self.predictor = MODELS.build(predictor)
            width = _check_widths(self.backbone, self.neck, self.predictor)
            self.build_teacher(queue_size, width, queue_init)
            self.similarity_loss = MODELS.build(loss or dict(type='auxskd_mm.SimilarityDistillationLoss'))
        self.frozen: FrozenTeacher | None = None
        if teacher is not None:
            self.frozen = build_frozen_teacher(teacher)
            check_weights('model', **{'ema_weight': ema_weight, 'teacher.weight': self.frozen.weight})
            self.frozen.attach(_width_of(self), queue_size, queue_init, self.data_preprocessor)
            self.summary = self.summary.replace('an EMA teacher', _teachers(self.has_ema))

    def student_modules(self) -> dict[str, nn.Module]:
        """The modules that the teacher averages."""
        return dict(backbone=self.backbone, neck=self.neck) if self.has_ema else {}

    def queues(self) -> dict[str, FeatureQueue]:
        """The teachers' queues. The keys are the prefixes of their diagnostics, '' for the first teacher."""
        found = {'': self.queue} if self.has_ema else {}
        return found if self.frozen is None else {**found, self._frozen_prefix: self.frozen.queue}

    @property
    def _frozen_prefix(self) -> str:
        return 'frozen_' if self.has_ema else ''

    def loss(self, inputs: Tensor, data_samples: Sequence[Any] | None = None) -> dict[str, Tensor]:
        """Distil one batch.

        Args:
            inputs: (B, 2, C, T, H, W), the student's view first.
            data_samples: Not used without a frozen teacher, because the phase needs no labels.

        Returns:
            The scalar ``loss_similarity`` and the scalar diagnostics of :class:`SimilarityDiagnostics` without
            gradient. If a frozen teacher is beside the EMA teacher, there are the same scalars of it too, as
            ``loss_frozen_similarity`` and with the prefix ``frozen_``. While ``with_diagnostics`` is False, there are
            the losses alone.
        """
        return self.distil(*self.run_networks(inputs, data_samples))

    def run_networks(
        self, inputs: Tensor, data_samples: Sequence[Any] | None = None
    ) -> tuple[StudentPass, dict[str, Tensor]]:
        """Run the student on the first view of inputs (B, 2, C, T, H, W), and the teachers on the second.

        The results are the student's outputs and the features (B, D) of the teachers ``'ema'`` and ``'frozen'``.
        """
        student_view, teacher_view = self.views(inputs)  # (B, C, T, H, W) each

        def student() -> StudentPass:
            return self.run_student(student_view)

        def teachers(view: Tensor) -> dict[str, Tensor]:
            keys = {'ema': self.teacher_features(view)} if self.has_ema else {}
            return keys if self.frozen is None else {**keys, 'frozen': self.frozen.keys(view, data_samples)}

        if self.overlap_teacher:
            return run_beside(student, teachers, teacher_view)
        # The teachers first: their pass leaves nothing behind. After the student's it would need memory of its own
        # beside the feature maps that wait for the backward pass.
        keys = teachers(teacher_view)
        return student(), keys

    def run_student(self, clips: Tensor) -> StudentPass:
        """Run backbone, neck and predictor on clips (B, C, T, H, W)."""
        feats = self.backbone(clips)  # (B, C, T', H', W')
        pooled = pool_features(feats)  # (B, C)
        return StudentPass(feats, pooled, self.predictor(self._project(self, pooled)) if self.has_ema else None)

    def distil(self, student: StudentPass, keys: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Losses and diagnostics of a batch, see :meth:`loss`. The keys (B, D) of each teacher enter its queue."""
        losses: dict[str, Tensor] = {}
        if self.has_ema:
            # The anchors (K, D) are those before this batch: a clip's own key is not among them.
            result = self.similarity_loss(
                student.query, keys['ema'], self.queue.features, with_diagnostics=self.with_diagnostics
            )
            self.enqueue(keys['ema'])  # the oldest B anchors leave
            losses.update(_named(result, '', self.ema_weight))
        if self.frozen is not None:
            result = self.frozen.loss(student.pooled, keys['frozen'], self.with_diagnostics)
            losses.update(_named(result, self._frozen_prefix, self.frozen.weight))
        return losses

    def predict(self, inputs: Tensor, data_samples: Sequence[Any]) -> Sequence[Any]:
        """Write features into the data samples, and of samples with two views what student and teachers say of them.

        :class:`TeacherAgreementMetric` compares the two sides on held-out videos. A frozen teacher with ``space='own'``
        is left out, since student and teacher have no space in common there.

        Args:
            inputs: (B, V, C, T, H, W). The first of two views is the student's.
            data_samples: B samples.

        Returns:
            The samples with ``feature`` (V, C), see :meth:`PretextModel.predict`. With two views also
            ``student_<teacher>``, the student's prediction (D,), and ``teacher_<teacher>`` (D,), for the teachers ``ema``
            and ``frozen``.
        """
        samples = super().predict(inputs, data_samples)
        if inputs.shape[1] != self.num_views:
            return samples
        student_view, teacher_view = self.views(inputs)  # (B, C, T, H, W) each
        student = self.run_student(student_view)  # pooled (B, C), query (B, D)
        pairs: dict[str, tuple[Tensor, Tensor]] = {}
        if student.query is not None:
            # A checkpoint holds the teacher, but no hook has started it in a test.
            pairs['ema'] = student.query, self.embed(self.teacher, teacher_view)  # (B, D) each
        if self.frozen is not None and self.frozen.space != 'own':
            projected = self.frozen.projector(student.pooled)  # (B, C) -> (B, D_t)
            pairs['frozen'] = projected, self.frozen.keys(teacher_view, data_samples)  # (B, D_t) each
        for teacher, (answers, keys) in pairs.items():
            for sample, own, key in zip(samples, answers, keys):
                sample.set_field(own.float(), f'student_{teacher}')
                sample.set_field(key.float(), f'teacher_{teacher}')
        return samples

    def forward_parts(self, inputs: Tensor) -> list[Tensor]:
        """Run student and teachers on one sample (1, 2, C, T, H, W).

        The outputs are the student's prediction and the EMA teacher's feature, (1, D) each. With a frozen teacher, also
        the student's projection for it and its feature, (1, D_t) each.
        """
        student_view, teacher_view = self.views(inputs)  # (1, C, T, H, W) each
        student = self.run_student(student_view)  # pooled (1, C), query (1, D)
        parts: list[Tensor] = []
        if student.query is not None:
            parts += [student.query, self.embed(self.teacher, teacher_view)]  # (1, D) each
        if self.frozen is not None:
            parts.append(self.frozen.projector(student.pooled))  # (1, C) -> (1, D_t)
            if self.frozen.feature_key is None:  # a feature from the data takes no computation
                parts.append(self.frozen.keys(teacher_view, initialise=False))  # (1, D_t)
        return parts

    def embed(self, network: Any, clips: Tensor) -> Tensor:
        """Projected features (B, D) of clips (B, C, T, H, W), not normalised. See :meth:`TeacherModel.embed`."""
        return self._project(network, pool_features(network.backbone(clips)))

    def _project(self, network: Any, pooled: Tensor) -> Tensor:
        _check_neck(network.neck, pooled.shape[1])
        return network.neck(pooled)  # (B, C) -> (B, D)

    def describe(self) -> list[str]:
        """Lines about the teachers for ``tools/analysis/check_config.py``."""
        return [] if self.frozen is None else [self.frozen.describe()]


def _named(result: Tensor | tuple[Tensor, SimilarityDiagnostics], prefix: str, weight: float) -> dict[str, Tensor]:
    """The weighted loss, and the diagnostics if there are some, under the names of a teacher."""
    loss, diagnostics = result if isinstance(result, tuple) else (result, None)
    scalars = {} if diagnostics is None else diagnostics._asdict()
    return {f'loss_{prefix}similarity': weight * loss, **{f'{prefix}{name}': value for name, value in scalars.items()}}


def _check_teachers(ema_weight: float, neck: object, predictor: object, teacher: object) -> None:
    """Refuse settings without any teacher, and an EMA teacher without the student's parts."""
    check_weights('model', ema_weight=ema_weight)
    if ema_weight == 0 and teacher is None:
        raise InputError('model.ema_weight=0 leaves no teacher: set model.teacher, or another weight')
    if ema_weight > 0:
        for key, part in (('neck', neck), ('predictor', predictor)):
            if part is None:
                raise InputError(
                    f"model.{key} is missing: the EMA teacher needs it, for instance dict(type='auxskd_mm.MLP', ...); "
                    'model.ema_weight=0 trains with model.teacher alone'
                )


def _teachers(has_ema: bool) -> str:
    return 'an EMA teacher and a frozen teacher' if has_ema else 'a frozen teacher'


def _width_of(model: AuxSKD) -> int | None:
    """Width C of the student's pooled feature, from its backbone or its neck. None if neither says it."""
    for width in (
        getattr(model.backbone, 'out_channels', None),
        getattr(getattr(model, 'neck', None), 'in_channels', None),
    ):
        if isinstance(width, int):
            return width
    return None


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
