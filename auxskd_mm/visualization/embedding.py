"""Features as points in the plane, coloured by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ..errors import InputError
from .curves import COLOURS
from .plain_text import figure_text

_MARKERS = 'osD^vPX<>*'
_MOST_NAMED = 20  # classes in a legend
METHODS = ('tsne', 'pca')


def project(features: np.ndarray, method: str = 'tsne', seed: int = 0) -> np.ndarray:
    """Features in the plane by scikit-learn, after scaling each to length 1 as cosine does.

    Args:
        features: (N, D).
        method: 'tsne' (from a PCA start, perplexity 30 or a third of N), or 'pca'. Fewer than 4 points take PCA.
        seed: Of t-SNE.

    Returns:
        float (N, 2).

    Raises:
        InputError: For another method, or without features.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    if method not in METHODS:
        raise InputError(f"embedding method '{method}': expected 'tsne' or 'pca'")
    if len(features) == 0:
        raise InputError('embedding: there are no features')
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    unit = (features / np.maximum(norms, 1e-12)).astype(np.float64)
    if method == 'pca' or len(unit) < 4:
        parts = min(2, *unit.shape)
        return np.pad(PCA(parts, random_state=seed).fit_transform(unit), ((0, 0), (0, 2 - parts)))
    perplexity = min(30.0, (len(unit) - 1) / 3)
    start = 'pca' if unit.shape[1] > 1 else 'random'
    return TSNE(2, perplexity=perplexity, init=start, random_state=seed).fit_transform(unit)


def draw_embeddings(
    points: Mapping[str, np.ndarray], labels: Mapping[str, Sequence[int]], names: Sequence[str], path: str | Path
) -> Path:
    """Draw sets of points side by side and write a PNG; classes differ in colour and in marker.

    Args:
        points: {title: (N, 2)}.
        labels: {title: N classes}.
        names: Of the classes.
        path: PNG file.

    Returns:
        The path.
    """
    import matplotlib

    matplotlib.use('Agg')
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        1, len(points), figsize=(4.4 * len(points) + 1.6, 4.2), squeeze=False, layout='constrained'
    )
    for axis, (title, where) in zip(axes[0], points.items()):
        own = np.asarray(labels[title])
        for number, name in enumerate(names):
            mine = where[own == number]
            axis.scatter(
                *mine.T,
                s=22,
                color=COLOURS[number % len(COLOURS)],
                marker=_MARKERS[number % len(_MARKERS)],
                edgecolors='white',
                linewidths=0.4,
                label=figure_text(name)[:24],
            )
        axis.set_title(figure_text(title), fontsize=9)
        axis.set_xticks([])
        axis.set_yticks([])
    if len(names) <= _MOST_NAMED:
        handles, texts = axes[0][0].get_legend_handles_labels()
        figure.legend(handles, texts, loc='outside right upper', fontsize=8, frameon=False)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path
