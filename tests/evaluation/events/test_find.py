"""Events start or end elsewhere than the scores say, or a setting is read for the wrong class."""

import numpy as np
import pytest

from auxskd_mm.errors import InputError
from auxskd_mm.evaluation.events import PerClass, find_events

NAMES = ('serve', 'volley')
SPANS = np.arange(10.0), np.arange(10.0) + 1
SERVE = [0.9, 0.8, 0.2, 0.7, 0.1, 0.1, 0.1, 0.6, 0.1, 0.5]


def found(column, **rules):
    scores = np.stack([column, 1 - np.asarray(column)], 1)
    events = find_events(scores, SPANS, NAMES, background=('volley',), **rules)
    assert {event.label for event in events} <= {'serve'}
    return [(event.start, event.end, round(event.score, 3)) for event in events]


@pytest.mark.parametrize(
    ('gap', 'least', 'expected'),
    [
        (0, 0, [(0, 2, 0.85), (3, 4, 0.7), (7, 8, 0.6), (9, 10, 0.5)]),
        (1, 0, [(0, 4, 0.8), (7, 10, 0.55)]),
        (3, 0, [(0, 10, 0.7)]),
        (0, 2, [(0, 2, 0.85)]),
        (1, 3, [(0, 4, 0.8), (7, 10, 0.55)]),  # gaps are closed before short events are dropped
        (1, 3.5, [(0, 4, 0.8)]),
    ],
)
def test_by_hand(gap, least, expected):
    assert found(SERVE, merge_gap=PerClass(gap), min_length=PerClass(least)) == expected


def test_against_a_walk_over_moments():
    """A slower second way: mark every hundredth of a second, close gaps, drop short runs."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        edges = np.concatenate([[0], np.cumsum(rng.integers(1, 8, 12))]) / 10
        column, gap, least = rng.random(12), rng.integers(0, 10) / 10, rng.integers(0, 12) / 10
        events = find_events(
            column[:, None], (edges[:-1], edges[1:]), ['a'], merge_gap=PerClass(gap), min_length=PerClass(least)
        )
        moments = (np.arange(round(edges[-1] * 100)) + 0.5) / 100
        marked = column[np.searchsorted(edges, moments) - 1] >= 0.5
        runs = []
        for i in np.flatnonzero(marked).tolist():
            if runs and i - runs[-1][1] <= round(gap * 100):
                runs[-1][1] = i + 1
            else:
                runs.append([i, i + 1])
        expected = [(a / 100, b / 100) for a, b in runs if b - a >= round(least * 100)]
        np.testing.assert_allclose([event[:2] for event in events] or np.zeros((0, 2)), np.reshape(expected, (-1, 2)))


def test_each_class_has_its_own_settings():
    scores = np.array([[0.6, 0.4], [0.6, 0.4], [0.2, 0.8]])
    spans = np.arange(3.0), np.arange(3.0) + 1
    threshold = PerClass.parse(['0.7', 'serve=0.55'], 0.5, '--threshold')
    assert threshold == PerClass(0.7, dict(serve=0.55))
    events = find_events(scores, spans, NAMES, threshold=threshold, min_length=PerClass(0, dict(volley=2)))
    assert [event[:3] for event in events] == [(0, 2, 'serve')]


@pytest.mark.parametrize('words', [['high'], ['serve='], ['0.5', '0.6'], ['-1'], ['nan'], ['serve=inf']])
def test_settings_that_are_no_numbers(words):
    with pytest.raises(InputError, match=r'--threshold .*expected'):
        PerClass.parse(words, 0.5, '--threshold')


def test_names_may_hold_the_sign():
    assert PerClass.parse(['a=b=0.3'], 0.5, '--threshold').values == {'a=b': 0.3}
