"""Numbers of a report, compared with hand calculations."""

import itertools

import numpy as np
import pytest

from auxskd_mm.recipes.report_table import Line, chance_of, compare_protocols, flatten, summarise


def test_mean_and_spread():
    cell = summarise([0.2, 0.4, 0.9])
    assert cell.mean == pytest.approx(0.5)
    # Squares of the deviations 0.09 + 0.01 + 0.16, over n - 1.
    assert cell.spread == pytest.approx((0.26 / 2) ** 0.5)
    assert cell.text == '50.0 ± 36.1'
    assert summarise([0.123]).spread is None
    assert summarise([0.123]).text == '12.3'


def test_chance_of_an_accuracy_is_the_most_frequent_class():
    assert chance_of('acc/top1', [0, 1, 1, 2]) == 0.5
    assert chance_of('acc/top1', []) is None
    assert chance_of('acc/loss', [0, 1]) is None
    assert chance_of('retrieval/R@1', [0, 1]) is None


def test_chance_of_retrieval_counts_every_draw():
    gallery, test = [0, 0, 1, 2, 2, 2], [0, 1, 2, 2, 5]
    for k in (1, 2, 3, 6, 10):
        draws = list(itertools.combinations(gallery, min(k, 6)))
        expected = np.mean([[label in draw for draw in draws] for label in test])
        assert chance_of(f'retrieval/R@{k}', test, gallery) == pytest.approx(expected)


def test_protocols_are_flattened_and_compared():
    assert flatten(dict(a=dict(b=[1, 'x'], c=None), d=True, e=[])) == {
        'a.b': '1, x',
        'a.c': 'not recorded',
        'd': 'yes',
        'e': 'none',
    }
    runs = [
        [dict(seed=0, method='A', clip=dict(frames=16), command='x'), dict(seed=1, method='A', clip=dict(frames=16))],
        [dict(seed=0, method='B', clip=dict(frames=16)), dict(seed=1, method='B', clip=dict(frames=16))],
    ]
    lines = [Line('r', 'c', 'e', 'm', summarise([0, 1]), None, own) for own in runs]
    common, columns, values = compare_protocols(lines)
    assert common == {'seed': '0 / 1', 'clip.frames': '16'}
    assert columns == ['method']
    assert values == [['A'], ['B']]
