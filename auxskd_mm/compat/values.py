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


def whole_hues() -> bool:
    """Let MMAction2's ``ColorJitter`` shift hues in both directions.

    It adds the shift to hues in uint8. NumPy 2 refuses a negative one there (``OverflowError``, in half of all calls), and a
    large one wraps at 256 before the circle of 180 closes.
    """
    import cv2
    import numpy as np
    from mmaction.datasets.transforms import ColorJitter

    def adjust_hue(img: Any, factor: float) -> Any:
        hsv = cv2.cvtColor(np.clip(img, 0, 255).astype(np.uint8), cv2.COLOR_RGB2HSV)
        hsv[..., 0] = (hsv[..., 0].astype(np.int16) + int(factor * 255)) % 180
        return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB).astype(np.float32)

    red_and_pink = np.array([[[255, 0, 0], [255, 0, 8]]], np.float32)  # hues of 0 and 179
    try:
        if all((ColorJitter.adjust_hue(red_and_pink, f) == adjust_hue(red_and_pink, f)).all() for f in (-0.5, 0.5)):
            return False
    except OverflowError:
        pass
    setattr(ColorJitter, 'adjust_hue', staticmethod(adjust_hue))  # noqa: B010  # an attribute of another class
    return True


def opencv_logging() -> ModuleType:
    """Module with OpenCV's ``getLogLevel`` and ``setLogLevel``.

    OpenCV 5 has them in ``cv2.utils.logging`` alone, and OpenCV 4.8 in ``cv2`` itself.
    """
    import cv2

    return getattr(cv2.utils, 'logging', cv2)
