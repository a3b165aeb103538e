"""One feature per clip for retrieval and probes, as the published protocols pool the last feature map."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from ...choices import POOLINGS
from ...errors import InputError
from .pooling import pool_features


def pool_for_protocol(feats: Any, pooling: str = 'average') -> Tensor:
    """Pool what a backbone yields.

    Args:
        feats: Output of a backbone for B clips. 'average' and 'rspnet' take all that :func:`pool_features` takes, the
            others a feature map (B, C, T', H', W').
        pooling: 'average' or 'rspnet' (the same arithmetic); 'vcop': 512 x 2 x 7 x 7 becomes 9,216-d; 'rspnet_max'.

    Returns:
        (B, D).

    Raises:
        InputError: For an unknown pooling, or an output that it does not fit.

    Source: xudejing/video-clip-order-prediction @ 7a1710d (``retrieve_clips.py``); PeihaoChen/RSPNet @ 2958779.
    """
    if pooling not in POOLINGS:
        raise InputError(f"pooling='{pooling}': expected one of {', '.join(map(repr, POOLINGS))}")
    if pooling in ('average', 'rspnet'):
        return pool_features(feats)
    if isinstance(feats, (list, tuple)) and len(feats) == 1:
        feats = feats[0]
    if not isinstance(feats, Tensor) or feats.ndim != 5:
        found = tuple(feats.shape) if isinstance(feats, Tensor) else type(feats).__name__
        raise InputError(
            f"pooling='{pooling}' needs a feature map (B, C, T, H, W), the backbone yields {found}; use 'average'"
        )
    if pooling == 'rspnet_max':
        return feats.amax((3, 4)).mean(2)  # (B, C, T', H', W') -> (B, C)
    if min(feats.shape[3:]) < 2:
        raise InputError(f"pooling='vcop' needs maps of at least 2 x 2, got {tuple(feats.shape[3:])}: use larger crops")
    return F.max_pool3d(feats, (1, 2, 2), stride=(1, 2, 2)).flatten(1)  # (B, C * T' * H'/2 * W'/2)
