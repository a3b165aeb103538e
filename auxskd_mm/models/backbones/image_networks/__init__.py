"""Parts that turn an image network into a network of clips, and weights that installed packages bring."""

from .packaged_weights import PackagedWeights

__all__ = ['PackagedWeights']
