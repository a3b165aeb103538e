"""Features in the plane."""

import numpy as np
import pytest
from tool_runs import call_tool

from auxskd_mm.errors import InputError
from auxskd_mm.visualization.embedding import draw_embeddings, project


def clusters():
    random = np.random.default_rng(0)
    centres = np.eye(3, 8) * 10
    labels = np.repeat(np.arange(3), 12)
    return (centres[labels] + random.normal(size=(36, 8))).astype(np.float32), labels


@pytest.mark.parametrize('method', ['tsne', 'pca'])
def test_what_is_together_stays_together(method):
    features, labels = clusters()
    points = project(features, method)
    assert points.shape == (36, 2)
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    assert (labels[distances.argmin(1)] == labels).all()
    np.testing.assert_array_equal(points, project(features, method))


def test_length_of_a_feature_does_not_count():
    features, _ = clusters()
    scaled = features * np.linspace(0.1, 9, 36)[:, None]
    # PCA's axes have no sign.
    np.testing.assert_allclose(np.abs(project(scaled, 'pca')), np.abs(project(features, 'pca')), atol=1e-5)


@pytest.mark.parametrize('count', [1, 2, 3, 4, 5])
def test_few_points(count):
    assert project(np.random.default_rng(0).random((count, 4))).shape == (count, 2)
    assert project(np.ones((count, 1))).shape == (count, 2)


@pytest.mark.parametrize('method', ['tsne', 'pca'])
def test_the_features_of_a_collapsed_network_are_one_point(method):
    features = np.tile(np.random.default_rng(0).random(8).astype(np.float32), (30, 1))
    for collapsed in (features, features * np.linspace(1, 2, 30, dtype=np.float32)[:, None], np.zeros((30, 8))):
        assert np.ptp(project(collapsed, method), axis=0).max() < 1e-3


def test_bad_input_and_the_picture(tmp_path):
    with pytest.raises(InputError, match="'isomap': expected"):
        project(np.ones((5, 2)), 'isomap')
    with pytest.raises(InputError, match='no features'):
        project(np.ones((0, 2)))
    points, names = np.random.default_rng(0).random((6, 2)), ['$a', 'b', 'empty']
    path = draw_embeddings({'x$': points}, {'x$': [0, 0, 1, 1, 1, 0]}, names, tmp_path / 'p' / 'e.png')
    assert path.read_bytes()[:4] == b'\x89PNG'


@pytest.mark.parametrize('shared', [True, False])
def test_every_class_has_its_name_in_the_legend(tmp_path, monkeypatch, shared):
    drawn = []
    monkeypatch.setattr('auxskd_mm.visualization.embedding.save_figure', lambda figure, *_: drawn.append(figure))
    names = ['_background_', 'b', '']
    labels = {panel: [0, 1, 2] for panel in 'xy'}
    draw_embeddings(
        {panel: np.eye(3, 2) for panel in 'xy'}, labels, names if shared else dict(x=names, y=names), 'e.png'
    )
    legends = drawn[0].legends if shared else [axis.get_legend() for axis in drawn[0].axes]
    assert [[text.get_text() for text in legend.get_texts()] for legend in legends] == [names] * (1 if shared else 2)


def test_umap_where_it_is_installed(monkeypatch):
    """The installed package is called with cosine and our seed."""
    import sys
    import types

    class UMAP:
        def __init__(self, **settings):
            assert settings == dict(n_neighbors=11, metric='cosine', random_state=3)

        def fit_transform(self, features):
            return features[:, :2]

    monkeypatch.setitem(sys.modules, 'umap', types.SimpleNamespace(UMAP=UMAP))
    assert project(np.random.default_rng(0).random((12, 4)), 'umap', seed=3).shape == (12, 2)
    monkeypatch.setitem(sys.modules, 'umap', None)
    with pytest.raises(InputError, match='pip install umap-learn'):
        project(np.eye(5, 2), 'umap')


def test_panels_with_classes_of_their_own(tmp_path):
    points, names = np.random.default_rng(0).random((4, 2)), {'pace': ['1x', '2x'], 'class': ['a', 'b', 'c']}
    labels = {'pace': [0, 1, 0, 1], 'class': [0, 1, 2, 2]}
    path = draw_embeddings({'pace': points, 'class': points}, labels, names, tmp_path / 'e.png', 'a $title')
    assert path.read_bytes()[:4] == b'\x89PNG'


def test_two_files_of_one_name_are_refused(monkeypatch, capfd):
    line = call_tool(monkeypatch, capfd, 'visualization/embedding.py', 'a/train.npz', 'b/train.npz').error_line()
    assert "b/train.npz: a second file called 'train'; give each its own name, as NAME=FILE" in line
