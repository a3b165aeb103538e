"""Controls: clips without motion, and labels that the clips do not show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from ...errors import InputError
from ...functional.tasks import drawn_tasks
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


@TRANSFORMS.register_module()
class UnrelatedLabels(ShowsSettings, BaseTransform):
    """Replace the labels of a pretext task by those of a second draw, which the clips do not show.

    Put it right behind the sampler. A pretraining then has the same clips, the same labels in the same proportions and as
    many steps, but nothing to learn. What fine-tuning gains after it does not come from the task. It is no control for
    auxSKD, which takes no labels, and for RSPNet, whose sampler draws none.

    Required keys: those of the sampler. Modified keys: each ``*_label``, and ``clip_speed`` if the sampler writes it.
    Removed key: ``alike``.

    Args:
        sampler: Config (or object) of the sampler in front, with the same settings. With a ``seed`` it would draw the
            same labels again.

    Raises:
        InputError: If the sampler has a ``seed``.
    """

    def __init__(self, sampler: dict[str, Any] | Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self.sampler = TRANSFORMS.build(sampler) if isinstance(sampler, dict) else sampler
        seed = getattr(self.sampler, 'seed', None)
        if seed is not None:
            raise InputError(
                f'UnrelatedLabels.sampler.seed={seed}: it would draw the labels of the clips; leave it out'
            )

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Write the labels.

        Raises:
            InputError: If no sampler has run before, or it has no labels.
        """
        labels = [task.label_key for task in drawn_tasks(results)]
        if not labels:
            raise InputError('UnrelatedLabels: the sample has no labels; put it behind a sampler that draws them')
        drawn = self.sampler(dict(results))
        for key in (*labels, 'clip_speed'):
            if key in results:
                results[key] = drawn[key]
        results.pop('alike', None)
        return results

    def describe(self) -> str:
        """See :class:`ShowsSettings`."""
        return 'replace the labels by those of another draw, as a control'


def _middle(clips: np.ndarray) -> np.ndarray:
    """The middle value of every clip (N, T) in place of all its values, flat (N * T,)."""
    return np.broadcast_to(clips[:, clips.shape[1] // 2, None], clips.shape).reshape(-1).copy()
