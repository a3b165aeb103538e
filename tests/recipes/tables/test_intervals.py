"""Means, their intervals and paired differences."""

import math

import pytest

from auxskd_mm.recipes.tables.intervals import interval, paired


def test_interval_by_hand():
    found = interval([0.1, 0.2, 0.3])
    # Standard deviation 0.1, Student's t of 2 degrees of freedom 4.303.
    assert found.mean == pytest.approx(0.2)
    assert found.half == pytest.approx(4.303 * 0.1 / math.sqrt(3), rel=1e-3)
    assert found.text() == '20.0 ± 24.8'
    assert not found.certain
    assert interval([0.2]).text() == '20.0'
    assert interval([]).text() == '-'


def test_an_interval_of_a_share_ends_at_0_and_1():
    assert interval([0.1, 0.2, 0.3]).share_text() == '20.0 [0.0, 44.8]'
    assert interval([0.7, 0.8, 0.9]).share_text() == '80.0 [55.2, 100.0]'
    assert interval([0.5, 0.5, 0.53]).share_text() == interval([0.5, 0.5, 0.53]).text() == '51.0 ± 4.3'
    assert (interval([1.0, 1.0]).share_text(), interval([0.2]).share_text(), interval([]).share_text()) == (
        '100.0 ± 0.0',
        '20.0',
        '-',
    )
    assert interval([0.2]).share_ends == (0.2, 0.2)


def test_paired_takes_the_seeds_that_both_have():
    found = paired({0: 0.5, 1: 0.7, 3: 0.9}, {0: 0.4, 1: 0.6, 2: 0.0})
    assert found == pytest.approx((0.1, 0.0, 2))
    assert found.certain
    assert found.text(signed=True) == '+10.0 ± 0.0'
