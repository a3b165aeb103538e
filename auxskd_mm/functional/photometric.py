"""Colour jitter, greyscale and normalisation of whole clips as float tensors, on the clips' own device.

Clips are (..., C, T, H, W) with ``channel_dim=-4``, the layout of the networks, or (..., T, C, H, W) with
``channel_dim=-3``. The functions permute neither. The formulas are torchvision's for float tensors, with results
clamped to [0, 255] after each operation. The host takes no decision that depends on the data, so it never waits
for an accelerator. The module :mod:`photometric_cv` has the same operations frame by frame in OpenCV, for loaders and
for tensors on the CPU.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import InputError
from .jitter_params import CONTRAST, HUE, LUMA, OPERATIONS, SATURATION, JitterParams, check_channels
from .pixels.value_range import WHITE


def frame_shape(clips: Tensor, channel_dim: int = -4, channels: int | None = 3) -> tuple[int, ...]:
    """Leading shape (..., T) of the frames of clips (..., C, T, H, W), or (..., T, C, H, W) with ``channel_dim=-3``, as
    :func:`draw_jitter_batch` takes it. ``channels`` None takes any number.

    Raises:
        InputError: If the layout is unknown, or the clips have other dimensions or channels.
    """
    if channel_dim not in (-3, -4):
        raise InputError(f'channel_dim={channel_dim}: expected -4 for (..., C, T, H, W) or -3 for (..., T, C, H, W)')
    if clips.dim() < 4 or clips.shape[channel_dim] != (channels or clips.shape[channel_dim]):
        expected = 'channels' if channels is None else f'{channels} channels'
        raise InputError(f'clips of shape {tuple(clips.shape)}: expected {expected} at dimension {channel_dim}')
    shape = list(clips.shape[:-2])
    del shape[channel_dim + 2]
    return tuple(shape)


@torch.no_grad()
def jitter_clips(
    clips: Tensor,
    params: JitterParams,
    channel_dim: int = -4,
    *,
    operations: Sequence[str] = OPERATIONS,
) -> Tensor:
    """Jitter every frame with its own parameters, without branches.

    Only the hue shift is costly among the four operations, and each frame needs it once. All frames go through three
    blends, one hue shift and three more blends. The first three blends apply the operations that come before the
    frame's hue shift, the last three apply the operations that come after it. A blend that does not apply to a frame
    has the factor 1 there.

    Args:
        clips: uint8 or float (..., C, T, H, W) or (..., T, C, H, W), values in [0, 255].
        params: Tensors on the clips' device. Their leading shape is that of :func:`frame_shape`.
        channel_dim: -4 or -3.
        operations: Names of the operations that may have an effect. The others are skipped, whatever ``params`` says.

    Returns:
        New float32 clips of the same shape. Frames outside ``params.apply`` keep their values bit for bit.

    Raises:
        InputError: If the shape of ``clips`` does not fit the layout, or saturation or hue meet clips without three channels.

    Source: ``torchvision.transforms.ColorJitter`` on float tensors.
    """
    frame_shape(clips, channel_dim, None)
    check_channels(operations, clips.shape, 'jitter_clips', channel_dim)
    source = clips.float()
    out = source
    # Place of the hue shift in each frame's order, then the three blends in theirs.
    place = params.order.argsort(-1)[..., HUE]
    with_hue = 'hue' in operations
    for after_hue in (False, True) if with_hue else (True,):
        for step in range(3):
            index = params.order.gather(-1, (step + (place <= step).long())[..., None])[..., 0]
            factor = params.factors.gather(-1, index[..., None])[..., 0]
            if with_hue:
                factor = torch.where((place <= step) == after_hue, factor, 1.0)
            out = _blend(out, index, factor, channel_dim)
        if with_hue and not after_hue:
            out = shift_hue(out, params.hue, channel_dim)
    return torch.where(_over_frames(params.apply, channel_dim), out, source)


def _over_frames(values: Tensor, channel_dim: int) -> Tensor:
    """A view of values per frame (..., T) that broadcasts over clips of either layout."""
    return values[..., None, None].unsqueeze(channel_dim)


def _blend(clips: Tensor, index: Tensor, factor: Tensor, channel_dim: int) -> Tensor:
    """``factor * x + (1 - factor) * other``. By ``index``, other is 0, the mean grey of the frame or the grey frame.

    Without red, green and blue the mean is that of each channel, and there is no grey frame.
    """
    if clips.shape[channel_dim] != 3:
        own = clips.mean((-2, -1), keepdim=True) * _over_frames((1 - factor) * (index == CONTRAST), channel_dim)
        return torch.addcmul(own, clips, _over_frames(factor, channel_dim)).clamp_(0, WHITE)
    grey = grey_of(clips, channel_dim)
    rest = 1 - factor
    of_mean = (rest * (index == CONTRAST))[..., None, None]
    of_grey = (rest * (index == SATURATION))[..., None, None]
    other = torch.addcmul(grey.mean((-2, -1), keepdim=True) * of_mean, grey, of_grey)
    blended = torch.addcmul(other.unsqueeze(channel_dim), clips, _over_frames(factor, channel_dim))
    return blended.clamp_(0, WHITE)


def grey_of(clips: Tensor, channel_dim: int = -4) -> Tensor:
    """Luma 0.2989 R + 0.587 G + 0.114 B of float clips (..., 3, T, H, W), or (..., T, 3, H, W) with ``channel_dim=-3``:
    (..., T, H, W).
    """
    red, green, blue = clips.unbind(channel_dim)
    return (red * LUMA[0]).add_(green, alpha=LUMA[1]).add_(blue, alpha=LUMA[2])


def shift_hue(clips: Tensor, hue: Tensor, channel_dim: int = -4) -> Tensor:
    """Shift the hue of float clips.

    The function computes the hue angle in sixths of the circle from RGB, and RGB directly from the shifted angle. With
    value v, chroma c and angle h the channel n = 5, 3, 1 is v - c * clamp(min(k, 4 - k), 0, 1), k = (n + h) mod 6.

    Args:
        clips: Float (..., 3, T, H, W) or (..., T, 3, H, W), in any value range.
        hue: Float (..., T), the shift as a fraction of the colour circle.
        channel_dim: -4 or -3.

    Returns:
        New clips of the same shape.
    """
    red, green, blue = clips.unbind(channel_dim)
    value = torch.maximum(torch.maximum(red, green), blue)
    chroma = value - torch.minimum(torch.minimum(red, green), blue)
    is_red, is_green = value == red, value == green
    angle = torch.where(is_red, green - blue, torch.where(is_green, blue - red, red - green))
    angle = angle.div_(chroma.clamp_min(1e-12))
    angle.add_(torch.where(is_red, 0.0, torch.where(is_green, 2.0, 4.0))).add_((6 * hue)[..., None, None])
    out = torch.empty_like(clips)
    for channel, n in zip(out.unbind(channel_dim), (5, 3, 1)):
        # clamp(min(k, 4 - k), 0, 1) = clamp(2 - |k - 2|, 0, 1)
        slope = torch.remainder(angle + n, 6).sub_(2).abs_().neg_().add_(2).clamp_(0, 1)
        torch.addcmul(value, slope, chroma, value=-1, out=channel)
    return out


@torch.no_grad()
def grey_clips(clips: Tensor, apply: Tensor, channel_dim: int = -4) -> Tensor:
    """Turn frames grey: new float32 clips of the same shape. A grey frame has its luma in all three channels.

    The clips are uint8 or float (..., C, T, H, W), or (..., T, C, H, W) with ``channel_dim=-3``. ``apply`` (..., T) is
    True for the frames to turn.

    Raises:
        InputError: If the shape of ``clips`` does not fit the layout.
    """
    frame_shape(clips, channel_dim, None)
    check_channels(('greyscale',), clips.shape, 'grey_clips', channel_dim)
    source = clips.float()
    return torch.where(_over_frames(apply, channel_dim), grey_of(source, channel_dim).unsqueeze(channel_dim), source)


def normalize_clips(
    clips: Tensor, mean: Tensor | Sequence[float], std: Tensor | Sequence[float], channel_dim: int = -4
) -> Tensor:
    """``(clips - mean) / std`` per channel.

    Args:
        clips: uint8 or float (..., C, T, H, W) or (..., T, C, H, W).
        mean: C values in the clips' unit. A tensor on the clips' device avoids a copy.
        std: As ``mean``.
        channel_dim: -4 or -3.

    Returns:
        Float clips of the same shape.
    """
    shape = (-1,) + (1,) * (-channel_dim - 1)
    mean, std = (
        torch.as_tensor(values, dtype=torch.float32, device=clips.device).reshape(shape) for values in (mean, std)
    )
    return (clips - mean) / std
