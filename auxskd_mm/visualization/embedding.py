"""Features as points in the plane, coloured by class."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ..choices import EMBEDDINGS
from ..errors import InputError
from ..files import save_figure
from .curves import COLOURS
from .plain_text import figure_text

_MARKERS = 'osD^vPX<>*'
_MOST_NAMED = 20  # classes in a legend
_ROUNDING = 1e-6  # of float32 features of length 1


def project(features: np.ndarray, method: str = 'tsne', seed: int = 0) -> np.ndarray:
    """Project features to the plane. Each feature is first scaled to length 1, as for the cosine.

    Args:
        features: (N, D).
        method: 'tsne' (scikit-learn's from a PCA start, perplexity 30 or a third of N), 'pca', or 'umap' where umap-learn
            is installed. Fewer than 4 points take PCA.
            Equal features are one point.
        seed: Seed of t-SNE and UMAP.

    Returns:
        Points float (N, 2).

    Raises:
        InputError: For another method, a method that is not installed, or an empty array.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    if method not in EMBEDDINGS:
        raise InputError(f"embedding method '{method}': expected 'tsne', 'pca' or 'umap'")
    if len(features) == 0:
        raise InputError('embedding: there are no features')
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    unit = (features / np.maximum(norms, 1e-12)).astype(np.float64)
    # Of a collapsed network: t-SNE would end the process, or draw the rounding.
    if np.ptp(unit, axis=0).max() < _ROUNDING:
        return np.zeros((len(unit), 2))
    if method == 'pca' or len(unit) < 4:
        parts = min(2, *unit.shape)
        return np.pad(PCA(parts, random_state=seed).fit_transform(unit), ((0, 0), (0, 2 - parts)))
    if method == 'umap':
        return _umap(unit, seed)
    perplexity = min(30.0, (len(unit) - 1) / 3)
    start = 'pca' if unit.shape[1] > 1 else 'random'
    return TSNE(2, perplexity=perplexity, init=start, random_state=seed).fit_transform(unit)


def _umap(unit: np.ndarray, seed: int) -> np.ndarray:
    try:
        umap = importlib.import_module('umap')
    except ImportError:
        raise InputError("embedding method 'umap': run `pip install umap-learn`, or take 'tsne'") from None
    neighbours = min(15, len(unit) - 1)
    return np.asarray(umap.UMAP(n_neighbors=neighbours, metric='cosine', random_state=seed).fit_transform(unit))


def draw_embeddings(
    points: Mapping[str, np.ndarray],
    labels: Mapping[str, Sequence[int]],
    names: Sequence[str] | Mapping[str, Sequence[str]],
    path: str | Path,
    title: str = '',
) -> Path:
    """Draw sets of points side by side and write a PNG. Classes differ in colour and in marker.

    Args:
        points: {title: (N, 2)}.
        labels: {title: N classes}.
        names: Names of the classes. One list for all panels gives one legend. {title: list} gives one legend per panel.
        path: PNG file.
        title: Line above all panels.

    Returns:
        The path.
    """
    from matplotlib.figure import Figure

    shared = not isinstance(names, Mapping)
    width = 4.4 * len(points) + 1.6 * (1 if shared else len(points))
    figure = Figure(figsize=(width, 4.2), layout='constrained')
    axes = figure.subplots(1, len(points), squeeze=False)
    if title:
        figure.suptitle(figure_text(title), fontsize=10, wrap=True)
    for axis, (panel, where) in zip(axes[0], points.items()):
        own = np.asarray(labels[panel])
        mine_names = names[panel] if isinstance(names, Mapping) else names
        # Given to the legend by hand, which leaves out names that begin with `_` otherwise.
        texts = [figure_text(name)[:24] for name in mine_names]
        handles = [
            axis.scatter(
                *where[own == number].T,
                s=22,
                color=COLOURS[number % len(COLOURS)],
                marker=_MARKERS[number % len(_MARKERS)],
                edgecolors='white',
                linewidths=0.4,
            )
            for number in range(len(texts))
        ]
        axis.set_title(figure_text(panel), fontsize=9)
        axis.set_xticks([])
        axis.set_yticks([])
        if not shared and len(mine_names) <= _MOST_NAMED:
            axis.legend(handles, texts, fontsize=8, frameon=False, loc='upper left', bbox_to_anchor=(1, 1))
    if not isinstance(names, Mapping) and len(names) <= _MOST_NAMED:
        figure.legend(handles, texts, loc='outside right upper', fontsize=8, frameon=False)
    return save_figure(figure, path, 110)
