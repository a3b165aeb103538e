"""Colour transforms in the loader: jitter and random grey on decoded frames.

The transforms keep the channel order of the decoder. VideoPace, VSPP and auxSKD read BGR frames with OpenCV and jitter
them as if they were RGB. With an RGB decoder (PyAV, decord) the jitter follows its formulas.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from ...errors import InputError, check_step
from ...functional.jitter_params import (
    Strength,
    check_channels,
    check_probability,
    draw_jitter,
    draw_mask,
    jitter_settings,
)
from ...functional.photometric_cv import grey_frames, jitter_frames
from ...functional.pixels.value_range import Range, check_range_channels, check_value_range
from ...registry import TRANSFORMS
from .shown_settings import ShowsSettings


def _clips(results: dict[str, Any], owner: str) -> tuple[int, int]:
    """Number of clips in the flat list ``imgs``, and frames per clip. Without ``clip_len`` the list is one clip.

    Raises:
        InputError: If there are no frames yet, or they do not divide into clips.
    """
    check_step(owner, results, 'imgs', 'DecodeClips')
    total = len(results['imgs'])
    clip_len = int(results.get('clip_len', total))
    if total < 1 or clip_len < 1 or total % clip_len:
        raise InputError(
            f'{owner}: {total} frames in imgs are not whole clips of clip_len={clip_len}; put it after DecodeClips'
        )
    return total // clip_len, clip_len


def _put(results: dict[str, Any], frames: list[np.ndarray]) -> dict[str, Any]:
    """Write the frames back in their original form, a list or an array."""
    results['imgs'] = np.stack(frames) if isinstance(results['imgs'], np.ndarray) else frames
    return results


@TRANSFORMS.register_module()
class ClipColorJitter(BaseTransform):
    """Colour jitter of each frame, or of each clip, in OpenCV float32.

    Required keys: ``imgs``, uint8 (or float in 0-255) frames (H, W, 3), a list or an array, clip after clip. With
    ``value_range``, frames (H, W, C) of any type. ``clip_len`` if there is more than one clip. Modified keys: ``imgs``.
    The transform does not write into the input arrays. It draws from NumPy's global generator, which MMEngine seeds in
    every worker.

    Args:
        brightness: Strength x, for a factor that is uniform in [max(0, 1 - x), 1 + x]. Or a pair (lowest, highest). 0
            turns it off.
        contrast: As ``brightness``.
        saturation: As ``brightness``.
        hue: Largest hue shift, in [0, 0.5] of the colour circle, or a pair.
        p: Probability of jitter per frame (or per clip). The four operations then run in a random order.
        clip_consistent: False draws once per frame (VideoPace, VSPP, auxSKD). True draws once per clip (RSPNet).
        value_range: Values of the frames that are black and white, ``(black, white)``, or a pair for each channel. None
            takes 0 and 255. It is the ``value_range`` of :class:`ClipDataPreprocessor`.

    Raises:
        InputError: For a setting out of its range. Also from :meth:`transform`, if saturation or hue are not 0 and the
            frames have another number of channels than 3: brightness and contrast alone work on each channel.

    Source: augmentation of Plrbear/auxSKD @ 79e99b8, which jitters PIL images through torchvision and rounds after
        every operation. This class rounds each frame once.
    """

    def __init__(
        self,
        brightness: Strength = 0.8,
        contrast: Strength = 0.8,
        saturation: Strength = 0.8,
        hue: Strength = 0.2,
        p: float = 0.8,
        clip_consistent: bool = False,
        value_range: Range | None = None,
    ) -> None:
        self.value_range = check_value_range(value_range, type(self).__name__)
        self.settings = jitter_settings(
            brightness, contrast, saturation, hue, p, clip_consistent, owner=type(self).__name__
        )

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Jitter ``results['imgs']``.

        Raises:
            InputError: If the frames do not divide into clips, or have no colours and the jitter changes colours.
        """
        name = type(self).__name__
        params = draw_jitter(self.settings, *_clips(results, name))
        check_channels(self.settings.operations, results['imgs'][0].shape, name)
        check_range_channels(self.value_range, results['imgs'][0].shape[-1], name)
        return _put(results, jitter_frames(list(results['imgs']), params, value_range=self.value_range))

    def describe(self) -> str:
        """The jitter in words."""
        return self.settings.describe()

    def __repr__(self) -> str:
        settings = ', '.join(f'{key}={value}' for key, value in self.settings._asdict().items())
        known = '' if self.value_range is None else f', value_range={self.value_range.pairs}'
        return f'{type(self).__name__}({settings}{known})'


@TRANSFORMS.register_module()
class ClipRandomGrayscale(ShowsSettings, BaseTransform):
    """Turn whole clips, or single frames, grey.

    The keys are those of :class:`ClipColorJitter`.

    Args:
        p: Probability of grey per clip (or per frame).
        clip_consistent: True draws once per clip, so that the clip does not flicker. False draws once per frame.

    Raises:
        InputError: If ``p`` is not in [0, 1].

    Source: RSPNet, with p = 0.2 per clip.
    """

    def __init__(self, p: float = 0.2, clip_consistent: bool = True) -> None:
        self.p = check_probability(p, type(self).__name__)
        self.clip_consistent = clip_consistent

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Turn randomly drawn clips or frames of ``results['imgs']`` grey.

        Raises:
            InputError: If the frames are not (H, W, 3) or do not divide into clips.
        """
        num_clips, clip_len = _clips(results, type(self).__name__)
        check_channels(('greyscale',), results['imgs'][0].shape, type(self).__name__)
        mask = draw_mask(self.p, num_clips, clip_len, self.clip_consistent)
        return _put(results, grey_frames(list(results['imgs']), mask))

    def describe(self) -> str:
        """See :class:`ShowsSettings`."""
        return f'grey with p = {self.p}'
