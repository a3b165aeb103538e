"""Base class of the methods with a teacher, a slow copy of the network, and a queue of the teacher's features."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ...errors import InputError
from ..modules.feature_queue import FeatureQueue
from ..modules.global_batch import batch_shuffle, batch_unshuffle
from ..modules.momentum_encoder import MomentumEncoder
from .pretext_model import PretextModel


class TeacherModel(PretextModel):
    """A student (query encoder), its teacher (key encoder) and a queue of the teacher's features of earlier clips.

    :class:`SKDDistillerHook` starts and updates the teacher. The config must attach this hook. Subclasses define the
    modules that the teacher copies (:meth:`student_modules`) and the embedding of clips (:meth:`embed`). They call
    :meth:`build_teacher` at the end of their constructor. Their ``loss`` leaves its diagnostics out while
    ``with_diagnostics`` is False.

    Args:
        backbone: See :class:`PretextModel`.
        num_views: See :class:`PretextModel`.
        shuffle: Exchange the teacher's clips between ranks, see :func:`batch_shuffle`. This has no effect in a single
            process.
        kwargs: See :class:`PretextModel`.
    """

    teacher: MomentumEncoder
    queue: FeatureQueue
    with_diagnostics = True  # SKDDistillerHook.diagnostics_interval switches it off between two reports

    def __init__(self, backbone: dict, num_views: int = 2, shuffle: bool = True, **kwargs: Any) -> None:
        super().__init__(backbone, num_views, **kwargs)
        self.shuffle = shuffle

    def build_teacher(self, queue_size: int, width: int, queue_init: str = 'unit') -> None:
        """Make ``teacher``, and ``queue`` for so many features of width D, see :class:`FeatureQueue`."""
        self.teacher = MomentumEncoder(**self.student_modules())
        self.queue = FeatureQueue(queue_size, width, queue_init)

    def student_modules(self) -> dict[str, nn.Module]:
        """The modules that the teacher averages, by name."""
        raise NotImplementedError

    def embed(self, network: Any, clips: Tensor) -> Tensor:
        """Features of clips.

        Args:
            network: Owner of the modules: this model (the student) or ``teacher``.
            clips: (B, C, T, H, W).

        Returns:
            (B, D).
        """
        raise NotImplementedError

    @torch.no_grad()
    def teacher_features(self, clips: Tensor) -> Tensor:
        """The teacher's features (B, D) of clips (B, C, T, H, W), without gradient; see :meth:`embed`.

        Raises:
            InputError: If the teacher has not been started.
        """
        if not self.teacher.started:
            raise InputError(
                f'{type(self).__name__}: the teacher was never started; attach it by '
                "custom_hooks=[dict(type='auxskd_mm.SKDDistillerHook')]"
            )
        clips, restore = batch_shuffle(clips) if self.shuffle else (clips, None)  # (B, C, T, H, W) of any rank
        return batch_unshuffle(self.embed(self.teacher, clips), restore)  # (B, D) of this rank's clips

    @torch.no_grad()
    def enqueue(self, keys: Tensor) -> None:
        """L2-normalise keys (B, D) and put them into the queue."""
        self.queue.enqueue_directions(keys)
