"""Conversion of any backbone's output to one tensor. Only this module knows the forms of the outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import InputError, check_choice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...typing import Features


TOKEN_POOLS = ('auto', 'class', 'patch')


def feature_map(
    feats: Features | None,
    *,
    token_pool: str = 'auto',
    last_stage: bool = False,
    key: str = 'model.backbone.out_indices',
) -> Tensor:
    """Reduce a backbone's output to one tensor.

    Args:
        feats: The backbone's output for B clips. Known forms:

            - a tensor: a feature map (B, C, T', H', W'), tokens (B, N, C) or a pooled feature (B, C);
            - a list or tuple that holds only one of these;
            - MViT's pair of a feature map and a class token (B, C). The class token may be None;
            - the maps of two pathways with different frame rates (SlowFast). They have the same height and width and
              different numbers of frames. The fast map is averaged over time to the frames of the slow map. Then the
              channels are concatenated, slow first. The mean over space and time equals the feature of
              ``SlowFastHead``;
            - the maps of several stages of one network.

        token_pool: ``'patch'`` takes the map of MViT's pair. ``'auto'`` and ``'class'`` take its class token.
        last_stage: True takes the last of several stages. False refuses several stages.
        key: Config key that the error message names if there are several stages.

    Returns:
        A map (B, C, T', H', W') or another (B, C, ...) with at least four dimensions, tokens (B, N, C), or (B, C).

    Raises:
        InputError: If there are several stages and ``last_stage`` is False, or the output has an unknown form.
    """
    check_choice('token_pool', token_pool, TOKEN_POOLS)
    while isinstance(feats, (list, tuple)):
        if len(feats) == 1:
            feats = feats[0]
        elif _is_map_and_token(feats):
            feats = feats[0] if feats[1] is None or token_pool == 'patch' else feats[1]
        elif _are_pathways(feats):
            feats = _join_pathways(*feats)
        elif last_stage and _are_stages(feats):
            feats = feats[-1]
        else:
            raise InputError(
                f'the backbone yields {len(feats)} feature maps {_shapes(feats)} and a head pools one: set {key} to a '
                'single stage, e.g. (3,) (MViT: out_scales=3)'
            )
    if not isinstance(feats, Tensor) or feats.ndim < 2:
        raise InputError(f'the backbone yields {_shapes([feats])}, expected a feature map (B, C, T, H, W) or tokens')
    return feats


def _is_map_and_token(feats: Sequence[object]) -> bool:
    """Whether this is MViT's [feature map (B, C, T', H', W'), class token (B, C) or None]."""
    if len(feats) != 2 or not isinstance(feats[0], Tensor) or feats[0].ndim < 4:
        return False
    return feats[1] is None or (isinstance(feats[1], Tensor) and feats[1].shape == feats[0].shape[:2])


def _are_maps(feats: Sequence[object]) -> bool:
    return len(feats) > 1 and all(isinstance(fmap, Tensor) and fmap.ndim == 5 for fmap in feats)


def _are_pathways(feats: Sequence[Any]) -> bool:
    """Whether these are the maps (slow, fast) of SlowFast: equal height and width, and more frames in the second."""
    if len(feats) != 2 or not _are_maps(feats):
        return False
    slow, fast = feats
    return slow.shape[3:] == fast.shape[3:] and slow.shape[2] < fast.shape[2]


def _are_stages(feats: Sequence[Any]) -> bool:
    """Whether these are maps of several stages: the size falls from each to the next."""
    return _are_maps(feats) and all(
        after.shape[3] < before.shape[3] or after.shape[4] < before.shape[4] for before, after in zip(feats, feats[1:])
    )


def _join_pathways(slow: Tensor, fast: Tensor) -> Tensor:
    """Join the maps (B, C, T', H', W') and (B, C2, k * T', H', W') to one map (B, C + C2, T', H', W')."""
    time, height, width = slow.shape[2:]
    return torch.cat([slow, F.adaptive_avg_pool3d(fast, (time, height, width))], dim=1)


def _shapes(feats: Sequence[object]) -> str:
    shapes = [tuple(f.shape) if isinstance(f, Tensor) else type(f).__name__ for f in feats]
    return f'[{", ".join(map(str, shapes))}]'
