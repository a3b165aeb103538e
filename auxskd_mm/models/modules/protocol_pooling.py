"""Pooling of the last feature map to one feature per clip, as the published protocols for retrieval and probes do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch.nn.functional as F
from torch import Tensor

from ...choices import POOLINGS
from ...errors import InputError
from .feature_map import feature_map
from .pooling import pool_features

if TYPE_CHECKING:
    from ...typing import Features


def pool_for_protocol(feats: Features | None, pooling: str = 'average') -> Tensor:
    """Pool a backbone's output as a published protocol does.

    Args:
        feats: The backbone's output for B clips. 'average' and 'rspnet' take every form that :func:`feature_map` takes.
            The others take a feature map (B, C, T', H', W'). Of several stages (a backbone for TPN) the last one is
            used.
        pooling: 'average', 'rspnet', 'vcop', 'rspnet_max' or 'time'. 'average' and 'rspnet' compute the same. 'vcop'
            turns a map of 512 x 2 x 7 x 7 into 9,216 values. 'time' keeps when something happens, in 4 * C values
            (of maps with T' < 4, steps repeat); no published protocol has it.

    Returns:
        (B, D).

    Raises:
        InputError: If the pooling is unknown or does not fit the output.

    Source: xudejing/video-clip-order-prediction @ 7a1710d (``retrieve_clips.py``); PeihaoChen/RSPNet @ 2958779.
    """
    if pooling not in POOLINGS:
        raise InputError(f"pooling='{pooling}': expected one of {', '.join(map(repr, POOLINGS))}")
    if pooling in ('average', 'rspnet'):
        return pool_features(feature_map(feats, last_stage=True))
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
    if pooling == 'time':
        return F.adaptive_avg_pool3d(fmap, (4, 1, 1)).flatten(1)  # (B, C * 4)
    if min(fmap.shape[3:]) < 2:
        raise InputError(f"pooling='vcop' needs maps of at least 2 x 2, got {tuple(fmap.shape[3:])}: use larger crops")
    return F.max_pool3d(fmap, (1, 2, 2), stride=(1, 2, 2)).flatten(1)  # (B, C * T' * H'/2 * W'/2)
