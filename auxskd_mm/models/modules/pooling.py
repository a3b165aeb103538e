"""Pooling of any backbone's output to one feature per clip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from .feature_map import TOKEN_POOLS, feature_map

if TYPE_CHECKING:
    from ...typing import Features

__all__ = ['TOKEN_POOLS', 'pool_features']


def pool_features(
    feats: Features | None, *, token_pool: str = 'auto', key: str = 'model.backbone.out_indices'
) -> Tensor:
    """Average a backbone's output over space and time.

    Args:
        feats: The backbone's output for B clips, in any form that :func:`feature_map` takes.
        token_pool: ``'class'`` takes the class token, which is MViT's own or the first token. ``'patch'`` averages all
            other tokens. ``'auto'`` pools as the transformers' own heads do: it takes MViT's class token, and otherwise
            averages all tokens. The option has no effect on maps and pooled features.
        key: Config key that the error message names if the backbone yields the maps of several stages.

    Returns:
        (B, C).

    Raises:
        InputError: If there are several feature maps or none, or the output cannot be pooled.
    """
    feats = feature_map(feats, token_pool=token_pool, key=key)
    if feats.ndim == 2:
        return feats
    if feats.ndim > 3:
        return feats.flatten(2).mean(-1)  # (B, C, T' * H' * W') -> (B, C)
    if token_pool == 'class':
        return feats[:, 0]  # (B, N, C) -> (B, C)
    return (feats[:, 1:] if token_pool == 'patch' else feats).mean(1)  # (B, N, C) -> (B, C)
