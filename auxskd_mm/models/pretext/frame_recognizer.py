"""Support for MMAction2's ``Recognizer2D`` recipes (TSN, TSM, TIN, TRN, TANet) in pretext tasks, which need clips."""

from __future__ import annotations

from typing import Any

from mmaction.models import Recognizer3D
from torch import Tensor

from ...registry import MODELS
from ..backbones.frames import libraries, take_clips


@MODELS.register_module()
class FrameRecognizer(Recognizer3D):
    """``Recognizer3D`` with a backbone of single frames, see :func:`take_clips`.

    It replaces ``Recognizer2D``, whose heads average over the frames. The heads of this package get the map
    (B, C, T', H', W') of the clips instead. The backbone's weights have the same names in both classes.

    Args:
        args: Arguments of ``Recognizer2D``: backbone, cls_head, neck, train_cfg, test_cfg, data_preprocessor.
        kwargs: See ``args``.

    Raises:
        InputError: If the library of the backbone is not installed.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        with libraries():
            super().__init__(*args, **kwargs)
        take_clips(self.backbone)

    def extract_feat(  # type: ignore[override]  # as Recognizer3D's, whose base says less
        self, inputs: Tensor, stage: str = 'neck', data_samples: Any = None, test_mode: bool = False
    ) -> tuple[Any, dict]:
        """Features, as ``Recognizer3D.extract_feat`` returns them.

        Args:
            inputs: (B, V, C, T, H, W), or (B, V * T, C, H, W) from ``FormatShape(input_format='NCHW')``. The second
                form holds clips of ``num_segments`` frames, if the backbone has this attribute, or a single clip.
            stage: 'backbone', 'neck' or 'head'.
            data_samples: B data samples for the neck.
            test_mode: Whether the model is being tested.
        """
        if inputs.ndim == 5:
            length = getattr(self.backbone, 'num_segments', inputs.shape[1])
            inputs = inputs.unflatten(1, (-1, length)).transpose(2, 3)  # (B, V, C, T, H, W)
        return super().extract_feat(inputs.contiguous(), stage, data_samples, test_mode)
