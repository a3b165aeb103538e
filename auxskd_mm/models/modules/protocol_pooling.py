"""Pooling of the last feature map to one feature per clip, as the published protocols for retrieval and probes do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from ...choices import POOLINGS, TIME_PARTS
from ...errors import InputError, check_choice
from .feature_map import _are_pathways, feature_map
from .pooling import pool_features

if TYPE_CHECKING:
    from ...typing import Features


STAGE_GRID = (TIME_PARTS, 2, 2)  # steps in time, rows and columns that 'grid' and 'stages' keep
_LEVELS = (TIME_PARTS, 1, 1), STAGE_GRID
PYRAMID = {'time': _LEVELS[:1], 'grid': _LEVELS[1:], 'pyramid': _LEVELS}
# Features per channel.
PYRAMID_PARTS = {name: sum(map(math.prod, levels)) for name, levels in PYRAMID.items()}


def stage_maps(feats: Features | None) -> list[Tensor]:
    """The maps (B, C, T', H', W') of all stages that a backbone yields; one map if it yields one.

    Raises:
        InputError: If the output has no feature map (B, C, T, H, W).
    """
    if isinstance(feats, (list, tuple)) and len(feats) > 1 and not _are_pathways(feats):
        maps = [fmap for fmap in feats if isinstance(fmap, Tensor) and fmap.ndim == 5]
        if len(maps) == len(feats):
            return maps
    fmap = feature_map(feats, token_pool='patch', last_stage=True)
    if fmap.ndim != 5:
        raise InputError(f"pooling='stages' needs maps (B, C, T, H, W), the backbone yields {tuple(fmap.shape)}")
    return [fmap]


def stage_widths(feats: Features | None) -> tuple[int, ...]:
    """Channels C of each map (B, C, T', H', W') of :func:`stage_maps`: the widths of the parts of a feature of all stages."""
    return tuple(fmap.shape[1] for fmap in stage_maps(feats))


def _pool_stages(maps: Sequence[Tensor]) -> Tensor:
    pooled = [F.adaptive_avg_pool3d(fmap, STAGE_GRID).movedim(1, -1).flatten(1) for fmap in maps]
    return torch.cat(pooled, 1)  # (B, sum over the stages of 16 * C)


def pool_for_protocol(feats: Features | None, pooling: str = 'average') -> Tensor:
    """Pool a backbone's output as a published protocol does.

    Args:
        feats: The backbone's output for B clips. 'average' and 'rspnet' take every form that :func:`feature_map` takes.
            The others take a feature map (B, C, T', H', W'). Of several stages (a backbone for TPN) the last one is
            used.
        pooling: 'average', 'rspnet', 'vcop', 'rspnet_max', 'time', 'grid', 'pyramid' or 'stages'. 'average' and 'rspnet'
            compute the same. 'vcop' turns a map of 512 x 2 x 7 x 7 into 9,216 values. No published protocol has the others.
            'time' keeps when something happens, in 4 * C values (of maps with T' < 4, steps repeat). 'grid' keeps where it
            happens, too, in 4 * 2 * 2 * C values. 'pyramid' is 'time' and 'grid' side by side, two levels of a spatial
            pyramid (Lazebnik et al., CVPR 2006). 'stages' keeps 4 x 2 x 2 means of each stage, 16 * C values, channels last;
            a search of probes pools them further.

    Returns:
        (B, D).

    Raises:
        InputError: If the pooling is unknown or does not fit the output.

    Source: xudejing/video-clip-order-prediction @ 7a1710d (``retrieve_clips.py``); PeihaoChen/RSPNet @ 2958779.
    """
    check_choice('pooling', pooling, POOLINGS)
    if pooling in ('average', 'rspnet'):
        return pool_features(feature_map(feats, last_stage=True))
    if pooling == 'stages':
        return _pool_stages(stage_maps(feats))
    try:
        fmap = feature_map(feats, token_pool='patch', last_stage=True)
        found = str(tuple(fmap.shape)) if fmap.ndim != 5 else ''
    except InputError:
        found = type(feats).__name__
    if found:
        raise InputError(
            f"pooling='{pooling}' needs a feature map (B, C, T, H, W), the backbone yields {found}; use 'average'"
        )
    if pooling == 'rspnet_max':
        return fmap.amax((3, 4)).mean(2)  # (B, C, T', H', W') -> (B, C)
    if pooling in PYRAMID:
        parts = [F.adaptive_avg_pool3d(fmap, level).flatten(1) for level in PYRAMID[pooling]]
        return torch.cat(parts, 1)  # (B, C * 4), (B, C * 16) or (B, C * 20)
    if min(fmap.shape[3:]) < 2:
        raise InputError(f"pooling='vcop' needs maps of at least 2 x 2, got {tuple(fmap.shape[3:])}: use larger crops")
    return F.max_pool3d(fmap, (1, 2, 2), stride=(1, 2, 2)).flatten(1)  # (B, C * T' * H'/2 * W'/2)
