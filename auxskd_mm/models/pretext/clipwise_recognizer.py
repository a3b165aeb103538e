"""A recogniser that runs its backbone once for each clip of a sample, as the original VCOP does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from mmaction.models import Recognizer3D
from torch import Tensor
from torch.utils._pytree import tree_map

from ...registry import MODELS

if TYPE_CHECKING:
    from mmaction.structures import ActionDataSample


@MODELS.register_module()
class ClipwiseRecognizer3D(Recognizer3D):
    """MMAction2's ``Recognizer3D`` with one backbone pass for each clip position in training.

    ``Recognizer3D`` folds the V clips of B samples into one batch of B * V. BatchNorm then normalises all clips
    together and updates its running statistics once per step. Here clip 0 of all samples goes through the backbone,
    then clip 1, and so on. BatchNorm sees B clips at a time and updates its running statistics V times per step.
    Everything else is the same, also the order of the outputs. In eval mode or without BatchNorm both classes give the
    same results. The cost is smaller batches and V times as many kernel launches.

    Source: xudejing/video-clip-order-prediction @ 7a1710d, ``VCOPN.forward``. It runs one shared backbone on each clip
    of the tuple separately.
    """

    def extract_feat(  # type: ignore[override]  # as Recognizer3D overrides BaseRecognizer
        self,
        inputs: Tensor,
        stage: str = 'neck',
        data_samples: list[ActionDataSample] | None = None,
        test_mode: bool = False,
    ) -> tuple[Any, dict]:
        """Features of inputs (B, V, C, T, H, W), as ``Recognizer3D.extract_feat`` returns them, with its arguments."""
        if test_mode or not self.training or inputs.shape[1] == 1:
            return super().extract_feat(inputs, stage, data_samples, test_mode)
        # To the base class each position is a batch of samples of one clip.
        parts = [  # V outputs for B clips each
            super(ClipwiseRecognizer3D, self).extract_feat(clip[:, None], 'backbone')[0] for clip in inputs.unbind(1)
        ]
        feats = tree_map(sample_by_sample, *parts)  # (B * V, ...)
        if stage == 'backbone':
            return feats, {}
        loss_aux: dict = {}
        if self.with_neck:
            feats, loss_aux = self.neck(feats, data_samples=data_samples)
        if stage == 'head':
            feats = self.cls_head(feats, loss_aux=loss_aux)
        return feats, dict(loss_aux=loss_aux)


def sample_by_sample(*parts: Any) -> Any:
    """Join one leaf of V backbone outputs, (B, ...) each, to (B * V, ...). All clips of sample 0 come first."""
    return None if parts[0] is None else torch.stack(parts, 1).flatten(0, 1)
