"""Confusion matrices."""

import numpy as np
import pytest
from figure_edges import is_cut_off, saved_figures
from sklearn.metrics import confusion_matrix as oracle

from auxskd_mm.errors import InputError
from auxskd_mm.visualization import confusion
from auxskd_mm.visualization.confusion import confusion_matrix, draw_confusion


def test_counts_are_those_of_scikit_learn():
    random = np.random.default_rng(0)
    labels, predictions = random.integers(0, 5, (2, 50)).tolist()
    np.testing.assert_array_equal(
        confusion_matrix(labels, predictions, 5), oracle(labels, predictions, labels=range(5))
    )
    assert confusion_matrix([], [], 2).tolist() == [[0, 0], [0, 0]]
    with pytest.raises(InputError, match='class 3 occurs, but there are only 2 class names'):
        confusion_matrix([0], [3], 2)
    with pytest.raises(InputError, match='class -1 occurs'):  # no label; it was counted as the last class
        confusion_matrix([-1], [0], 2)


def test_a_picture_is_wide_enough_for_every_matrix(tmp_path):
    import cv2

    table = np.array([[2, 0], [1, 3]])
    one = cv2.imread(str(draw_confusion({'a': table}, ['x', 'y $'], tmp_path / '1.png')))
    two = cv2.imread(str(draw_confusion({'a': table, 'b$': table}, ['x', 'y $'], tmp_path / 'p' / '2.png')))
    assert one.shape[0] == two.shape[0]
    assert two.shape[1] > 1.5 * one.shape[1]


def test_a_long_title_is_not_cut_off(monkeypatch):
    figures = saved_figures(monkeypatch, confusion)
    title = 'early maps of public weights, VideoPace on your pool, fine-tuned'
    draw_confusion({title: np.eye(4, dtype=int)}, list('abcd'), 'x.png')
    draw_confusion({title: np.eye(2, dtype=int), 'b': np.eye(2, dtype=int)}, list('ab'), 'x.png', {title: 0.5})
    assert [is_cut_off(figure) for figure in figures] == [False, False]
