"""auxSKD and a primary task in one phase."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from ...errors import InputError, check_choice, check_weights
from ...registry import MODELS
from .aux_skd import AuxSKD, StudentPass
from .clipwise_recognizer import sample_by_sample


@MODELS.register_module()
class JointAuxSKD(AuxSKD):
    """auxSKD and a pretext head on one backbone, with one optimizer step for both.

    auxSKD's sampler draws a pace and a segment for each view, so VSPP's labels are there without further work::

        loss = similarity_weight * (losses of AuxSKD) + head_weight * (losses of cls_head)

    The head gets the student's features of the first view, which are computed once for both losses. With
    ``head_views='both'`` the student also runs on the second view, and the head gets both. Tasks about two clips need
    this, such as ``ClipOrderHead(tuple_len=2)`` or the contrastive branch of :class:`PaceHead`.

    In a test the model answers the head's task, for samples with any number of clips. Metrics, inferencer, export and
    activation maps see the head as that of a recogniser.

    Args:
        cls_head: Config of the head: :class:`VSPPHead`, :class:`PaceHead` or another pretext head.
        head_weight: Weight of the head's losses, 0 or more.
        similarity_weight: Weight of auxSKD's losses, 0 or more.
        head_views: ``'student'`` trains the head on the first view, ``'both'`` on both views.
        settings: Arguments of :class:`AuxSKD`.

    Raises:
        InputError: If a weight is negative, the head's task does not fit the views, or see :class:`AuxSKD`.

    Source: the abstract of Dadashzadeh, Whone, Mirmehdi (CVPRW 2022) says that the student solves the pretext task
    "meanwhile". The released code has two phases. How the paper weighs the losses is not known.
    """

    method = 'auxSKD'  # with the head's method behind it, see method_of
    summary = 'auxSKD and a primary task in one phase: similarities to a queue, distilled from an EMA teacher'

    def __init__(
        self,
        *,
        cls_head: dict,
        head_weight: float = 1.0,
        similarity_weight: float = 1.0,
        head_views: str = 'student',
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        check_weights('model', head_weight=head_weight, similarity_weight=similarity_weight)
        check_choice('model.head_views', head_views, ('student', 'both'))
        self.cls_head = MODELS.build(cls_head)
        self.head_weight = head_weight
        self.similarity_weight = similarity_weight
        self.head_views = head_views
        _check_views(self.cls_head, 1 if head_views == 'student' else self.num_views)
        self.summary = f'{self.summary}; {getattr(self.cls_head, "summary", type(self.cls_head).__name__)}'

    def loss(self, inputs: Tensor, data_samples: Sequence[Any] | None = None) -> dict[str, Tensor]:
        """Losses of both tasks.

        Args:
            inputs: (B, 2, C, T, H, W), the student's view first.
            data_samples: B samples with the labels of the head's tasks for both views, int64 (2,).

        Returns:
            The scalars of :meth:`AuxSKD.loss` and of the head's ``loss``. The keys of losses contain ``loss``.
        """
        student, keys = self.run_networks(inputs, data_samples)  # projections and keys (B, D)
        similarity = self.distil(student, keys)
        # Maps (B, C', T', H', W'), or (2 * B, C', T', H', W') of both views
        feats, samples = self._head_inputs(student, inputs, data_samples)
        task = self.cls_head.loss(feats, samples)
        return {**_weighted(similarity, self.similarity_weight), **_weighted(task, self.head_weight)}

    def _head_inputs(
        self, student: StudentPass, inputs: Tensor, data_samples: Sequence[Any] | None
    ) -> tuple[Any, Sequence[Any]]:
        samples = data_samples or ()
        if self.head_views == 'student':
            return student.feats, [self._first_view(sample) for sample in samples]
        second = self.backbone(self.views(inputs)[1])
        return tree_map(sample_by_sample, student.feats, second), samples

    def _first_view(self, sample: Any) -> Any:
        """A sample with the labels of its first view alone."""
        own = sample.new()
        for task in getattr(self.cls_head, 'tasks', ()):
            if task.label_key in own:
                own.set_field(torch.as_tensor(own.get(task.label_key)).reshape(-1)[:1], task.label_key)
        return own

    def predict(self, inputs: Tensor, data_samples: Sequence[Any]) -> Sequence[Any]:
        """Write the fields of the head's ``predict``, such as ``pred_pace`` (V, K), into the data samples, for inputs
        (B, V, C, T, H, W).
        """
        return self.cls_head.predict(self.backbone(inputs.flatten(0, 1)), data_samples)

    def forward_parts(self, inputs: Tensor) -> list[Tensor]:
        """Run student, head and teachers on one sample. See :meth:`PretextModel.forward_parts`.

        Args:
            inputs: One sample, (1, V, C, T, H, W). With V other than 2, the head alone is run, as in a test.

        Returns:
            The head's logits (N, K) of N clips for each task, and the outputs of :meth:`AuxSKD.forward_parts`.
        """
        alone = inputs.shape[1] != self.num_views
        # (1, V, C, T, H, W) -> (N, C, T, H, W); N is V, or 1 for the student's view alone
        clips = inputs.flatten(0, 1) if alone or self.head_views == 'both' else inputs[:, 0]
        logits = self.cls_head(self.backbone(clips))  # (N, K) of each task
        head = list(logits) if isinstance(logits, (tuple, list)) else [logits]
        return head if alone else [*head, *super().forward_parts(inputs)]


def _weighted(losses: dict[str, Tensor], weight: float) -> dict[str, Tensor]:
    return {key: weight * value if 'loss' in key else value for key, value in losses.items()}


def _check_views(head: nn.Module, views: int) -> None:
    for task in getattr(head, 'tasks', ()):
        if task.clips not in (1, views):
            raise InputError(
                f'model.cls_head: {type(head).__name__} is about {task.clips} clips, but gets {views} of a sample; '
                + ("set model.head_views='both'" if task.clips == 2 else 'take a task about one or two clips')
            )
