"""Repeats one frame as a clip, for the baseline without motion."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from ...errors import InputError
from ...registry import TRANSFORMS
from .shown_settings import ShowsSettings


@TRANSFORMS.register_module()
class StillFrames(ShowsSettings, BaseTransform):
    """Repeat the middle frame of every clip over its whole length.

    Put it between a sampler and decoding. A network reaches its accuracy on such clips without motion, from scene, pose
    and colour alone.

    Required and modified key: ``frame_inds`` (num_clips x clip_len,); required key: ``clip_len``.

    Args:
        enabled: False leaves the clips unchanged, so that one config serves both cases.

    Raises:
        InputError: If no sampler has run before.
    """

    def __init__(self, enabled: bool = True) -> None:
        self.enabled = bool(enabled)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Write the frame numbers.

        Raises:
            InputError: If no sampler ran before.
        """
        if not self.enabled:
            return results
        if 'frame_inds' not in results or 'clip_len' not in results:
            raise InputError('StillFrames: no frame_inds and clip_len; put it behind the sampler')
        clips = np.asarray(results['frame_inds']).reshape(-1, results['clip_len'])
        results['frame_inds'] = _middle(clips)
        if 'blend_weight' in results:  # of slow motion between two frames: a changing weight would show motion
            results['blend_weight'] = _middle(np.asarray(results['blend_weight']).reshape(-1, results['clip_len']))
        return results

    def describe(self) -> str | None:
        """See :class:`ShowsSettings`."""
        return 'repeat the middle frame of each clip' if self.enabled else None


def _middle(clips: np.ndarray) -> np.ndarray:
    """The middle value of every clip (N, T) in place of all its values, flat (N * T,)."""
    return np.broadcast_to(clips[:, clips.shape[1] // 2, None], clips.shape).reshape(-1).copy()
