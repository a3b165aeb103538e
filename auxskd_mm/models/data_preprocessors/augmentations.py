"""Augmentations of a whole batch on the model's device, for :class:`ClipDataPreprocessor`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...functional.jitter_params import (
    Strength,
    check_channels,
    check_probability,
    draw_jitter_batch,
    draw_mask_batch,
    jitter_settings,
)
from ...functional.photometric import frame_shape, grey_clips, jitter_clips
from ...functional.photometric_cv import jitter_array
from ...registry import MODELS


@MODELS.register_module()
class BatchColorJitter(nn.Module):
    """Colour jitter of each frame or each clip of a batch, the counterpart of ``ClipColorJitter`` on the device.

    The result is float and not rounded. An accelerator runs the branch-free code of :func:`jitter_clips`. OpenCV
    computes a batch on the CPU, because it is four times as fast there (benchmarks/jitter.py). The random draws and the
    formulas are the same.

    Args:
        brightness: Strength x, or a pair (lowest factor, highest factor). A strength draws the factor uniformly from
            [max(0, 1 - x), 1 + x]. 0 switches the operation off.
        contrast: As ``brightness``.
        saturation: As ``brightness``.
        hue: Largest hue shift, in [0, 0.5] of the colour circle, or a pair (lowest, highest).
        p: Probability that a frame is jittered, or a clip if ``clip_consistent``.
        clip_consistent: True draws once per clip, False once per frame.

    Raises:
        InputError: If a setting is out of its range.
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
        super().__init__()
        self.settings = jitter_settings(
            brightness, contrast, saturation, hue, p, clip_consistent, owner=type(self).__name__
        )

    def forward(self, clips: Tensor, channel_dim: int = -4, generator: torch.Generator | None = None) -> Tensor:
        """Jitter a batch.

        Args:
            clips: uint8 or float (..., C, T, H, W) in [0, 255], or (..., T, C, H, W) with ``channel_dim=-3``.
            channel_dim: -4 or -3.
            generator: Generator on the clips' device. None takes torch's global generator.

        Returns:
            New float32 clips of the same shape.

        Raises:
            InputError: If the shape of ``clips`` does not fit the layout, or the jitter changes saturation or hue and the
                clips have another number of channels than 3.
        """
        shape = frame_shape(clips, channel_dim, None)  # (..., C, T, H, W) -> (..., T)
        check_channels(self.settings.operations, clips.shape, type(self).__name__, channel_dim)
        params = draw_jitter_batch(self.settings, shape, clips.device, generator)  # (..., T) per frame
        if clips.device.type == 'cpu':
            return torch.from_numpy(jitter_array(clips.numpy(), params.arrays(), channel_dim))
        return jitter_clips(clips, params, channel_dim, operations=self.settings.operations)

    def describe(self) -> str:
        """The jitter in words."""
        return self.settings.describe()

    def extra_repr(self) -> str:
        """Settings, for printing the model."""
        return ', '.join(f'{key}={value}' for key, value in self.settings._asdict().items())


@MODELS.register_module()
class BatchRandomGrayscale(nn.Module):
    """Turn random clips or frames of a batch grey, the counterpart of ``ClipRandomGrayscale`` on the device.

    Args:
        p: Probability that a clip turns grey, or a frame if ``clip_consistent`` is False.
        clip_consistent: True draws once per clip, False once per frame.

    Raises:
        InputError: If ``p`` is not in [0, 1].
    """

    def __init__(self, p: float = 0.2, clip_consistent: bool = True) -> None:
        super().__init__()
        self.p = check_probability(p, type(self).__name__)
        self.clip_consistent = clip_consistent

    def forward(self, clips: Tensor, channel_dim: int = -4, generator: torch.Generator | None = None) -> Tensor:
        """Turn random clips or frames grey.

        Args:
            clips: uint8 or float (..., C, T, H, W), or (..., T, C, H, W) with ``channel_dim=-3``.
            channel_dim: -4 or -3.
            generator: See :meth:`BatchColorJitter.forward`.

        Returns:
            New float32 clips of the same shape.
        """
        shape = frame_shape(clips, channel_dim, None)  # (..., C, T, H, W) -> (..., T)
        check_channels(('greyscale',), clips.shape, type(self).__name__, channel_dim)
        mask = draw_mask_batch(self.p, shape, self.clip_consistent, clips.device, generator)  # (..., T) bool
        return grey_clips(clips, mask, channel_dim)

    def describe(self) -> str:
        """The transform in words."""
        return f'grey with p = {self.p}'

    def extra_repr(self) -> str:
        """Settings, for printing the model."""
        return f'p={self.p}, clip_consistent={self.clip_consistent}'
