"""The sampling of TIN (temporal interlacing network) in plain torch, for machines without mmcv's CUDA operators."""

from __future__ import annotations

import torch
from torch import Tensor


def shift_frames(data: Tensor, shift: Tensor) -> Tensor:
    """Move groups of channels along time and fill the free frames with zeros, as mmcv's ``tin_shift`` does.

    Args:
        data: (N, T, C, L).
        shift: Number of frames for each clip and group, int (N, G). The C channels form G consecutive groups.

    Returns:
        (N, T, C, L) with ``out[n, t + shift[n, g]] = data[n, t]`` in the channels of group g.

    Source: open-mmlab/mmcv, ``tin_shift_cuda_kernel.cuh``.
    """
    frames, channels = data.shape[1:3]
    by_channel = shift.long().repeat_interleave(channels // shift.shape[1], 1)  # (N, C)
    source = torch.arange(frames, device=data.device)[None, :, None] - by_channel[:, None]  # (N, T, C)
    inside = (source >= 0) & (source < frames)
    index = source.clamp(0, frames - 1)[..., None].expand_as(data)
    return data.gather(1, index) * inside[..., None].to(data.dtype)


def linear_sampler(data: Tensor, offset: Tensor) -> Tensor:
    """Move groups of channels along time by fractions of a frame, by linear interpolation.

    Args:
        data: (N, T, C, H, W).
        offset: Number of frames for each clip and group, float (N, G).

    Returns:
        (N, T, C, H, W), with gradients to both arguments.

    Source: open-mmlab/mmaction2, ``resnet_tin.linear_sampler``. That function needs ``mmcv.ops.tin_shift``.
    """
    flat = data.flatten(3)  # (N, T, C, H * W)
    whole = offset.floor()
    fraction = (offset - whole).repeat_interleave(data.shape[2] // offset.shape[1], 1)[:, None, :, None]  # (N, 1, C, 1)
    moved = (1 - fraction) * shift_frames(flat, whole) + fraction * shift_frames(flat, whole + 1)
    return moved.view_as(data)
