"""RSPNet: relative speed perception and appearance-focused video instance discrimination."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.dist import get_world_size
from torch import Tensor, nn

from ...errors import InputError, check_weights
from ...functional.pace import pace_names
from ...functional.tasks import Task
from ...registry import MODELS
from ..modules.global_batch import random_order
from .teacher_model import TeacherModel


@MODELS.register_module()
class RSPNet(TeacherModel):
    """RSPNet: relative speed and instance discrimination against an EMA teacher, on two views (B, 2, C, T, H, W).

    The first task is to find the one of two clips that plays at the query's speed. The second task is to find the clips
    of the query's video.

    A sample has a query view and a key view of one video. Each view is ``speed`` times as long as a clip
    (``RelativeSpeedSample``). A random half of the batch, B // 2 samples, plays at speed 1: these clips are the first
    frames of their views. The other samples play at ``speed``: their clips take every speed-th frame. B counts the
    samples of all ranks, so a sample's speed does not depend on the number of ranks. The original draws a half on each
    rank.

    q is the query at its speed. k+ is the key view at the same speed, and k- is the key view at the other speed. A
    marks the features of ``head_a`` (appearance), M those of ``head_m`` (motion). The teacher computes the keys without
    gradient::

        loss_appearance = appearance_weight * (InfoNCE(q_A, k+_A, queue) + InfoNCE(q_A, k-_A, queue))
        loss_motion     = motion_weight * mean max(0, margin - (q_M . k+_M - q_M . k-_M) / temperature)
        k-_A enters the queue, the oldest keys leave it

    :class:`SKDDistillerHook` starts and updates the teacher (key encoder). The config must attach this hook. The
    original requires a queue size that the batch size divides. Here any batch size works, so nothing is trimmed.

    Args:
        backbone: Config of the query encoder's backbone.
        head_a: Config of the appearance head, a :class:`RelativeSpeedHead`.
        head_m: Config of the motion head. None takes the config of ``head_a``.
        queue_size: Number of keys in the queue.
        speed: The other speed, a whole number from 2. The default is the original's default of its list ``diff_speed``.
        appearance_weight: Weight of the sum of both InfoNCE terms (A in the original).
        motion_weight: Weight of the ranking loss (M).
        contrastive_loss: Config. None builds :class:`QueueContrastiveLoss` with a temperature of 0.07. A loss of your
            own needs its methods ``with_accuracy`` and ``for_keys``.
        speed_loss: Config. None builds :class:`RelativeSpeedLoss` with a margin of 2.0, which applies after the
            division by 0.07.
        kwargs: See :class:`TeacherModel`.

    Raises:
        InputError: If the speed is below 2, a weight is negative, or the width of a head does not fit the backbone.

    Source: Chen et al., "RSPNet: Relative Speed Perception for Unsupervised Video Representation Learning", AAAI 2021;
    PeihaoChen/RSPNet @ 2958779, ``moco/builder_diffspeed_diffloss.py`` (``MoCoDiffLossTwoFc``, ``Loss``).
    """

    method = 'RSPNet'
    summary = 'RSPNet: relative speed and instance discrimination against an EMA teacher'

    def __init__(
        self,
        backbone: dict,
        head_a: dict,
        head_m: dict | None = None,
        queue_size: int = 16384,
        speed: int = 2,
        appearance_weight: float = 1.0,
        motion_weight: float = 1.0,
        contrastive_loss: dict | None = None,
        speed_loss: dict | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(backbone, 2, **kwargs)
        if isinstance(speed, bool) or not isinstance(speed, int) or speed < 2:
            raise InputError(f'RSPNet.speed={speed!r}: expected a whole number from 2; the other speed is 1')
        check_weights('RSPNet', appearance_weight=appearance_weight, motion_weight=motion_weight)
        self.head_a = MODELS.build(head_a)
        self.head_m = MODELS.build(head_m or head_a)
        _check_widths(self.backbone, head_a=self.head_a, head_m=self.head_m)
        self.speed = speed
        self.tasks = (Task('speed', pace_names((1, speed)), clips=2, about='which of two clips plays at a speed'),)
        self.appearance_weight = appearance_weight
        self.motion_weight = motion_weight
        self.contrastive_loss = MODELS.build(contrastive_loss or dict(type='auxskd_mm.QueueContrastiveLoss'))
        self.speed_loss = MODELS.build(speed_loss or dict(type='auxskd_mm.RelativeSpeedLoss'))
        self.build_teacher(queue_size, self.head_a.out_channels)

    def student_modules(self) -> dict[str, nn.Module]:
        """The modules that the teacher averages."""
        return dict(backbone=self.backbone, head_a=self.head_a, head_m=self.head_m)

    def embed(self, network: Any, clips: Tensor) -> Tensor:
        """Appearance and motion features (B, D_A + D_M) of clips (B, C, T, H, W), by this model (the student) or
        ``teacher``. Each of the two has norm 1.
        """
        feats = network.backbone(clips)  # (B, C, T', H', W')
        return torch.cat([network.head_a(feats), network.head_m(feats)], dim=1)  # (B, D_A + D_M)

    def _split(self, features: Tensor) -> tuple[Tensor, Tensor]:
        appearance, motion = features.split([self.head_a.out_channels, self.head_m.out_channels], dim=1)
        return appearance, motion

    def clips(self, views: Tensor, fast: Tensor) -> Tensor:
        """Take from each view the clip at the speed of its sample.

        Args:
            views: (B, C, T, H, W).
            fast: bool (B,), whether a sample plays at ``speed`` instead of 1.

        Returns:
            (B, C, T // speed, H, W): the first frames of the view at speed 1, every speed-th frame at ``speed``.

        Raises:
            InputError: If a view is too short.
        """
        length = views.shape[2] // self.speed
        if length < 1:
            raise InputError(
                f'RSPNet: views of {views.shape[2]} frames hold no clip at speed={self.speed}; give RelativeSpeedSample '
                f'max_speed={self.speed}'
            )
        quick = views[:, :, :: self.speed][:, :, :length]  # (B, C, T // speed, H, W)
        return torch.where(fast[:, None, None, None, None], quick, views[:, :, :length])

    def forward_parts(self, inputs: Tensor) -> list[Tensor]:
        """Run query encoder and teacher on one sample (1, 2, C, T, H, W).

        The outputs are the features of the query, and of the key view at both speeds, (1, D_A + D_M) each.
        """
        query_view, key_view = self.views(inputs)  # (1, C, T, H, W) each
        slow = torch.zeros(len(inputs), dtype=torch.bool, device=inputs.device)  # (1,) bool
        keys = [self.embed(self.teacher, self.clips(key_view, fast)) for fast in (~slow, slow)]  # (1, D_A + D_M) each
        return [self.embed(self, self.clips(query_view, slow)), *keys]

    def loss(self, inputs: Tensor, data_samples: Sequence[Any] | None = None) -> dict[str, Tensor]:
        """Both losses of a batch.

        Args:
            inputs: (B, 2, C, T, H, W), the query's view first.
            data_samples: Not used, because the model draws its own labels.

        Returns:
            The scalars ``loss_appearance`` and ``loss_motion``, and three shares of the queries without gradient.
            ``speed_acc``: the key of the same speed is nearer than the key of the other speed. Guessing gives 0.5.
            ``instance_same_acc``: the key of the same speed is nearer than every key in the queue.
            ``instance_different_acc``: the key of the other speed is nearer than every key in the queue. While
            ``with_diagnostics`` is False, there are the losses alone.
        """
        query_view, key_view = self.views(inputs)  # (B, C, T, H, W) each
        # Sample i is slow where its place in a random order of all ranks' samples is in the first half.
        fast = random_order(len(inputs), inputs.device) >= len(inputs) * get_world_size() // 2  # (B,) bool
        # The key encoder sees the other speed first, then the same: its running statistics keep that order.
        different_a, different_m = self._split(self.teacher_features(self.clips(key_view, ~fast)))  # (B, D) each
        same_a, same_m = self._split(self.teacher_features(self.clips(key_view, fast)))  # (B, D) each
        query_a, query_m = self._split(self.embed(self, self.clips(query_view, fast)))  # (B, D) each
        # Both sets of keys against the queue (K, D), which the queries are compared with once.
        compared = query_a, (same_a, different_a), self.queue.features
        accuracies: dict[str, Tensor] = {}
        if self.with_diagnostics:
            (loss_same, acc_same), (loss_different, acc_different) = self.contrastive_loss.with_accuracy(*compared)
            speed_acc = ((query_m * (same_m - different_m)).detach().sum(1) > 0).float().mean()
            accuracies = dict(speed_acc=speed_acc, instance_same_acc=acc_same, instance_different_acc=acc_different)
        else:
            loss_same, loss_different = self.contrastive_loss.for_keys(*compared)
        self.enqueue(different_a)
        return dict(
            loss_appearance=self.appearance_weight * (loss_same + loss_different),
            loss_motion=self.motion_weight * self.speed_loss(query_m, same_m, different_m),
            **accuracies,
        )

    def predict(self, inputs: Tensor, data_samples: Sequence[Any]) -> Sequence[Any]:
        """Answer the relative-speed task for samples with two views, and write features for other samples.

        Each sample gives two questions, one with the query at speed 1 and one with the query at ``speed``. Each
        question asks which of two clips of the key view plays at the query's speed. The first of these clips plays at
        speed 1, the second at ``speed``. The teacher computes the keys, as in training. A constant answer is right half
        of the time. Samples with another number of views get the features of :meth:`PretextModel.predict`.

        Returns:
            The samples with ``speed_label`` int64 (2,), which is always 0 and 1, and ``pred_speed`` (2, 2), the
            probabilities with one row per question.
        """
        if inputs.shape[1] != self.num_views:
            return super().predict(inputs, data_samples)
        query_view, key_view = self.views(inputs)
        queries, keys = self._motions(self, query_view), self._motions(self.teacher, key_view)  # (B, 2, D) each
        answers = (queries @ keys.transpose(1, 2)).float().softmax(-1)  # (B, 2 questions, 2 clips)
        for sample, scores in zip(data_samples, answers):
            sample.set_field(scores, 'pred_speed')
            sample.set_field(torch.arange(2), 'speed_label')
        return data_samples

    def _motions(self, network: Any, views: Tensor) -> Tensor:
        """Motion features of views (B, C, T, H, W) at speed 1 and at ``speed``: (B, 2, D)."""
        speeds = [views.new_full((len(views),), fast, dtype=torch.bool) for fast in (False, True)]
        return torch.stack([self._split(self.embed(network, self.clips(views, fast)))[1] for fast in speeds], 1)


def _check_widths(backbone: nn.Module, **heads: nn.Module) -> None:
    """Refuse heads whose width does not fit, at build time, if the backbone has an attribute ``out_channels``."""
    width = getattr(backbone, 'out_channels', None)
    for key, head in heads.items():
        into = getattr(head, 'in_channels', None)
        if isinstance(width, int) and into != width:
            raise InputError(f'model.{key}.in_channels={into}: the backbone yields {width} channels; set it to {width}')
