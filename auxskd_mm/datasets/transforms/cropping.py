"""Crops of whole clips: random ones, drawn as the original loaders draw them, and around the motion."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmaction.datasets.transforms import RandomCrop, RandomResizedCrop
from mmcv.transforms import BaseTransform

from ...errors import InputError
from ...registry import TRANSFORMS
from ..motion_box import Box, BoxCache, clip_box, video_box
from ..readers import open_reader
from ..readers.limits import MAX_PIXELS
from .shown_settings import ShowsSettings


# RandomResizedCrop asks a method for its box and does the book-keeping of all kinds of crops; RandomCrop draws inside it.
@TRANSFORMS.register_module()
class ClipRandomCrop(ShowsSettings, RandomResizedCrop):
    """MMAction2's ``RandomCrop`` with every offset possible.

    Rows are uniform over 0 .. height - size and columns over 0 .. width - size, both ends included. MMAction2 never
    draws the last offset. One draw serves all frames of a call: the clips of a sample share it. Inside :class:`PerView`
    each view has its own draw. Keys and options are those of ``RandomCrop``. The transform draws from NumPy's global
    generator, which MMEngine seeds in every worker.

    Args:
        size: Height and width of the crop.
        lazy: See ``RandomCrop``.

    Raises:
        InputError: If the size is below 1, or the frames are smaller than the crop.

    Source: the loaders of laura-wang/video-pace @ cc1e561 and Plrbear/auxSKD @ 79e99b8, and torchvision's ``RandomCrop``,
    which xudejing/video-clip-order-prediction @ 7a1710d uses.
    """

    def __init__(self, size: int, lazy: bool = False) -> None:
        RandomCrop.__init__(self, size, lazy)
        if size < 1:
            raise InputError(f'ClipRandomCrop.size={size}: expected at least 1 pixel')
        self.area_range = self.aspect_ratio_range = (1.0, 1.0)

    def get_crop_bbox(  # type: ignore[override]  # a method here; the base class asks it by position
        self, img_shape: tuple[int, int], *args: object
    ) -> tuple[int, int, int, int]:
        """Box (left, top, right, bottom) in frames of size (height, width). The other arguments are not used.

        Raises:
            InputError: If the frames are smaller than the crop.
        """
        height, width = img_shape
        if self.size > min(height, width):
            raise InputError(
                f'ClipRandomCrop.size={self.size} does not fit frames of {height} x {width} (height x width); put a '
                'larger Resize before it'
            )
        top, left = (int(np.random.randint(0, side - self.size + 1)) for side in (height, width))
        return left, top, left + self.size, top + self.size

    def describe(self) -> str:
        """See :class:`ShowsSettings`."""
        return f'crop {self.size} at random, one place per clip'


@TRANSFORMS.register_module()
class MotionCrop(ShowsSettings, BaseTransform):
    """Crop clips around what moves in their video, for subjects that are small in the frame.

    Put it right behind :class:`DecodeClips`. It is an option, and no config has it by default. The box comes from
    differences of frames that are spread over the whole video (:mod:`auxskd_mm.datasets.motion_box`), so no detector is
    needed. It has the frame's aspect. One box serves all frames, segments and views of a video, whatever speed is drawn,
    so that it tells nothing about the pace. Where nothing moves, the box lies in the centre. A random crop that follows should
    be little smaller than its input, or it loses the subject again.

    Required keys: ``imgs`` and ``filename``. Modified keys: ``imgs``, ``img_shape``. Added key: ``motion_box``, (left,
    top, right, bottom) in pixels of the decoded frame.

    Args:
        size: Least side of the box as a share of the frame, in (0, 1]. The box is larger where the motion needs it.
        cache: Folder in which boxes are kept for later runs, a file of some bytes per video. None keeps them in the memory
            of each worker.
        max_pixels: Largest number of pixels per frame, see :class:`OpenVideo`.

    Raises:
        InputError: If ``size`` is out of its range, or the step stands before decoding.
    """

    def __init__(self, size: float = 0.5, cache: str | None = None, max_pixels: int = MAX_PIXELS) -> None:
        if not isinstance(size, (int, float)) or not 0 < size <= 1:
            raise InputError(f'MotionCrop.size={size}: expected a share of the frame above 0 and at most 1')
        self.size, self.cache, self.max_pixels = float(size), cache, max_pixels
        self._boxes = BoxCache(cache)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Crop every frame (H, W, C) of every view alike.

        Raises:
            InputError: If there are no frames yet, or a lazy step before has not been fused.
        """
        if 'imgs' not in results:
            raise InputError('MotionCrop: there are no frames; put it behind DecodeClips')
        if 'lazy' in results:
            raise InputError('MotionCrop: a lazy crop, flip or resize waits for its Fuse; put MotionCrop before it')
        frames = results['imgs']
        left, top, right, bottom = self._box(results).pixels(*frames[0].shape[:2])
        results['imgs'] = [np.ascontiguousarray(frame[top:bottom, left:right]) for frame in frames]
        results['img_shape'] = (bottom - top, right - left)
        results['motion_box'] = (left, top, right, bottom)
        return results

    def describe(self) -> str:
        """See :class:`ShowsSettings`."""
        return f'crop around the motion of the video, at least {self.size:g} of each side'

    def _box(self, results: dict[str, Any]) -> Box:
        path = str(results.get('filename', ''))
        if path in ('', 'array'):  # frames without a file
            return clip_box(results['imgs'], self.size)
        key = self._boxes.key(path, self.size)
        box = self._boxes.get(key)
        if box is None:
            with open_reader(path, max_pixels=self.max_pixels) as reader:
                box = video_box(reader, self.size)
            self._boxes.put(key, box)
        return box
