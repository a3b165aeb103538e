"""Faults of single functions with some types and shapes."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType


def float_scores_of_heads() -> bool:
    """Let MMAction2's classification heads train in bfloat16.

    ``BaseHead.loss_by_feat`` turns the scores into a NumPy array for the accuracy in the log, and NumPy has no bfloat16.
    The scores become float32 before, as the cross-entropy does under autocast, so the loss is the same.
    """
    import torch
    from mmaction.models.heads.base import BaseHead

    original = BaseHead.loss_by_feat
    if getattr(original, 'takes_bfloat16', False):
        return False

    @functools.wraps(original)
    def loss_by_feat(head: Any, cls_scores: Any, data_samples: Any) -> Any:
        return original(head, cls_scores.float() if cls_scores.dtype == torch.bfloat16 else cls_scores, data_samples)

    loss_by_feat.takes_bfloat16 = True  # type: ignore[attr-defined]  # marks the function
    BaseHead.loss_by_feat = loss_by_feat  # type: ignore[assignment,method-assign]  # with the same arguments
    return True


def resize_any_channels() -> bool:
    """Let MMAction2's ``Resize`` and ``Fuse`` take frames of any number of channels.

    They call ``mmcv.imresize``. OpenCV's resize drops the last dimension of a frame (H, W, 1), and some of its methods
    take at most 4 channels. Frames of 3 channels go through as before.
    """
    import mmcv

    from ..functional.pixels import any_channels

    if hasattr(mmcv.imresize, '__wrapped__'):
        return False
    mmcv.imresize = any_channels(mmcv.imresize)
    return True


def opencv_logging() -> ModuleType:
    """Module with OpenCV's ``getLogLevel`` and ``setLogLevel``.

    OpenCV 5 has them in ``cv2.utils.logging`` alone, and OpenCV 4.8 in ``cv2`` itself.
    """
    import cv2

    return getattr(cv2.utils, 'logging', cv2)
