"""Colour transforms in the loader: per-frame jitter and random grey on decoded frames.

The channel order is whatever the decoder gave. VideoPace, VSPP and auxSKD read BGR frames with OpenCV and
jitter them as if they were RGB; with an RGB decoder (PyAV, decord) the jitter is the one that its formulas
mean.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from ...errors import InputError
from ...functional.jitter_params import Strength, check_probability, draw_jitter, draw_mask, jitter_settings
from ...functional.photometric_cv import grey_frames, jitter_frames
from ...registry import TRANSFORMS


def _clips(results: dict[str, Any], owner: str) -> tuple[int, int]:
    """Number of clips in the flat list ``imgs`` and frames in each; without ``clip_len`` the list is one clip.

    Raises:
        InputError: If the frames do not divide into clips.
    """
    total = len(results['imgs'])
    clip_len = int(results.get('clip_len', total))
    if total < 1 or clip_len < 1 or total % clip_len:
        raise InputError(
            f'{owner}: {total} frames in imgs are not whole clips of clip_len={clip_len}; put it after DecodeClips'
        )
    return total // clip_len, clip_len


def _put(results: dict[str, Any], frames: list[np.ndarray]) -> dict[str, Any]:
    """Write the frames back in the form that they came in, list or array."""
    results['imgs'] = np.stack(frames) if isinstance(results['imgs'], np.ndarray) else frames
    return results


@TRANSFORMS.register_module()
class ClipColorJitter(BaseTransform):
    """Colour jitter of each frame, or of each clip, in OpenCV float32.

    Required keys: ``imgs``, uint8 (or float in 0-255) frames (H, W, 3), a list or an array, clip after clip;
    ``clip_len`` if there is more than one clip. Modified keys: ``imgs``; the arrays that came in are not
    written to. Random numbers are those of NumPy's global generator, which MMEngine seeds in every worker.

    Args:
        brightness: Strength x: the factor is uniform in [max(0, 1 - x), 1 + x]; or a pair (lowest, highest).
            0 is off.
        contrast: As ``brightness``.
        saturation: As ``brightness``.
        hue: Largest hue shift, in [0, 0.5] of the colour circle, or a pair.
        p: Probability that a frame (a clip) is jittered; the four operations then run in a random order.
        clip_consistent: False draws anew for every frame (VideoPace, VSPP, auxSKD), True once for each clip
            of a sample (RSPNet).

    Raises:
        InputError: For a setting out of its range.

    Source: augmentation of Plrbear/auxSKD @ 79e99b8, which jitters PIL images through torchvision and rounds after
    every operation; here a frame is rounded once.
    """

    def __init__(
        self,
        brightness: Strength = 0.8,
        contrast: Strength = 0.8,
        saturation: Strength = 0.8,
        hue: Strength = 0.2,
        p: float = 0.8,
        clip_consistent: bool = False,
    ) -> None:
        self.settings = jitter_settings(
            brightness, contrast, saturation, hue, p, clip_consistent, owner=type(self).__name__
        )

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Jitter ``results['imgs']``.

        Raises:
            InputError: If the frames are not (H, W, 3) or do not divide into clips.
        """
        params = draw_jitter(self.settings, *_clips(results, type(self).__name__))
        return _put(results, jitter_frames(list(results['imgs']), params))

    def __repr__(self) -> str:
        settings = ', '.join(f'{key}={value}' for key, value in self.settings._asdict().items())
        return f'{type(self).__name__}({settings})'


@TRANSFORMS.register_module()
class ClipRandomGrayscale(BaseTransform):
    """Turn a clip, or single frames, grey.

    Keys as of :class:`ClipColorJitter`.

    Args:
        p: Probability that a clip (a frame) turns grey.
        clip_consistent: True decides once for each clip of a sample, so that it does not flicker; False for
            every frame.

    Raises:
        InputError: If ``p`` is no probability.

    Source: RSPNet, p 0.2 per clip.
    """

    def __init__(self, p: float = 0.2, clip_consistent: bool = True) -> None:
        self.p = check_probability(p, type(self).__name__)
        self.clip_consistent = clip_consistent

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Turn ``results['imgs']`` grey where the draw says so.

        Raises:
            InputError: If the frames are not (H, W, 3) or do not divide into clips.
        """
        num_clips, clip_len = _clips(results, type(self).__name__)
        mask = draw_mask(self.p, num_clips, clip_len, self.clip_consistent)
        return _put(results, grey_frames(list(results['imgs']), mask))

    def __repr__(self) -> str:
        return f'{type(self).__name__}(p={self.p}, clip_consistent={self.clip_consistent})'
