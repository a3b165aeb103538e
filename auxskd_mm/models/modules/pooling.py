"""One feature per clip from any backbone's output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from ...errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...typing import Features

TOKEN_POOLS = ('auto', 'class', 'patch')


def pool_features(
    feats: Features | None, *, token_pool: str = 'auto', key: str = 'model.backbone.out_indices'
) -> Tensor:
    """Average a backbone's output over space and time.

    Args:
        feats: What the backbone yields for B clips, by the number of dimensions:

            - (B, C): already pooled (MMAction2's VideoMAE ``VisionTransformer``, TimeSformer, C3D);
            - (B, N, C): tokens (transformers of pytorchvideo, timm);
            - (B, C, T', H', W'), or any (B, C, ...) of four dimensions and more: a feature map (ResNet3d, X3D, Swin);
            - a list or tuple of one of these;
            - MViT's pair of a feature map and a class token, which is (B, C) or None.

        token_pool: ``'class'`` takes the class token: MViT's own, or the first of the tokens. ``'patch'`` averages all
            other tokens. ``'auto'`` does as the transformers' own heads do: it takes MViT's class token, and elsewhere the
            mean of all tokens. The option has no effect on maps and pooled features.
        key: Config key to name when the backbone yields several maps.

    Returns:
        (B, C).

    Raises:
        InputError: If there are several feature maps or none, or something that cannot be pooled.
    """
    if token_pool not in TOKEN_POOLS:
        raise InputError(f"token_pool='{token_pool}': expected {', '.join(map(repr, TOKEN_POOLS))}")
    while isinstance(feats, (list, tuple)):
        if len(feats) == 1:
            feats = feats[0]
        elif _is_map_and_token(feats):
            feats = feats[0] if feats[1] is None or token_pool == 'patch' else feats[1]
        else:
            raise InputError(
                f'the backbone yields {len(feats)} feature maps {_shapes(feats)} and a head pools one: set {key} to a '
                'single stage, e.g. (3,) (MViT: out_scales=3); two-pathway networks have none to choose'
            )
    if not isinstance(feats, Tensor) or feats.ndim < 2:
        raise InputError(f'the backbone yields {_shapes([feats])}, expected a feature map (B, C, T, H, W) or tokens')
    if feats.ndim == 2:
        return feats
    if feats.ndim > 3:
        return feats.flatten(2).mean(-1)  # (B, C, T' * H' * W') -> (B, C)
    if token_pool == 'class':
        return feats[:, 0]  # (B, N, C) -> (B, C)
    return (feats[:, 1:] if token_pool == 'patch' else feats).mean(1)  # (B, N, C) -> (B, C)


def _is_map_and_token(feats: Sequence[object]) -> bool:
    """Whether this is MViT's [feature map (B, C, T', H', W'), class token (B, C) or None]."""
    if len(feats) != 2 or not isinstance(feats[0], Tensor) or feats[0].ndim < 4:
        return False
    return feats[1] is None or (isinstance(feats[1], Tensor) and feats[1].shape == feats[0].shape[:2])


def _shapes(feats: Sequence[object]) -> str:
    shapes = [tuple(f.shape) if isinstance(f, Tensor) else type(f).__name__ for f in feats]
    return f'[{", ".join(map(str, shapes))}]'
