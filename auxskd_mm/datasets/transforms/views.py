"""Several views of one video. They are decoded together; each has its own crop, flip and jitter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from ...errors import InputError, check_least, check_step
from ...registry import TRANSFORMS
from .decoding import own_frames
from .shown_settings import ShowsSettings


@TRANSFORMS.register_module()
class PerView(ShowsSettings, BaseTransform):
    """Run a sub-pipeline once for each view, each time with new random draws.

    Put it after :class:`DecodeClips` and before ``FormatShape``, which then yields (num_clips, C, T, H, W).

    Required keys: ``imgs``, num_clips * clip_len frames (H, W, 3), view after view, of any height and width;
    ``num_clips`` and ``clip_len``. Modified keys: ``imgs`` and ``img_shape``. Other keys that the sub-pipeline writes
    (``crop_bbox``, ``flip``, ``scale_factor`` ...) are dropped after each view. The next view starts from the original
    keys.

    Args:
        transforms: Configs (or callables) of the sub-pipeline. It keeps the number of frames and brings all views to
            one size: ``RandomCrop``, ``RandomResizedCrop`` with ``Resize``, ``Flip``, ``ClipColorJitter`` ...
        clips_per_view: Number of neighbouring clips that share one draw, for methods with several clips per view.

    Raises:
        InputError: For settings that cannot be met.

    Source: the two-view loader of Plrbear/auxSKD @ 79e99b8, which augments student and teacher clip independently.
    """

    def __init__(self, transforms: Sequence[dict | Callable], clips_per_view: int = 1) -> None:
        if isinstance(transforms, dict) or not transforms:
            raise InputError(f'PerView.transforms={transforms!r}: expected a list of at least one transform')
        check_least('PerView', clips_per_view=clips_per_view)
        self.transforms = [TRANSFORMS.build(t) if isinstance(t, dict) else t for t in transforms]
        self.clips_per_view = clips_per_view

    def transform(self, results: dict[str, Any]) -> dict[str, Any] | None:
        """Augment every view. None if the sub-pipeline drops the sample, as in MMEngine's ``Compose``.

        Raises:
            InputError: If there are no frames yet, they do not divide into views, or the views end up with different
                shapes.
        """
        check_step('PerView', results, 'imgs', 'DecodeClips')
        frames = own_frames(results['imgs'])
        per_view = self._frames_per_view(results, len(frames))
        imgs: list[np.ndarray] = []
        for first in range(0, len(frames), per_view):
            view = self._run(dict(results, imgs=frames[first : first + per_view], num_clips=self.clips_per_view))
            if view is None:
                return None
            if len(view['imgs']) != per_view or 'lazy' in view:
                raise InputError(
                    f'PerView: transforms turned {per_view} frames of a view into {len(view["imgs"])} or left lazy '
                    'work; end them before FormatShape and multi-crops, and with Fuse after lazy transforms'
                )
            imgs.extend(view['imgs'])
        shapes = sorted({frame.shape[:2] for frame in imgs})
        if len(shapes) > 1:
            raise InputError(
                f'PerView: views of different (height, width) {shapes}; end transforms with a crop or resize'
            )
        results['imgs'] = imgs
        results['img_shape'] = shapes[0]
        return results

    def _frames_per_view(self, results: dict[str, Any], total: int) -> int:
        num_clips, clip_len = int(results['num_clips']), int(results['clip_len'])
        if total < 1 or total != num_clips * clip_len or num_clips % self.clips_per_view or 'lazy' in results:
            raise InputError(
                f'PerView: {total} frames in imgs for num_clips={num_clips} of clip_len={clip_len} in views of '
                f'clips_per_view={self.clips_per_view}; put it right behind DecodeClips'
            )
        return self.clips_per_view * clip_len

    def _run(self, view: dict[str, Any] | None) -> dict[str, Any] | None:
        for transform in self.transforms:
            if view is None:
                break
            view = transform(view)
        return view
