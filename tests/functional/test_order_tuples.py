"""Tuples and their classes: recorded runs of VCOP's dataset, Python's own permutations, hand cases."""

import itertools

import numpy as np
import pytest
from conftest import recorded

from auxskd_mm.errors import InputError
from auxskd_mm.functional import clip_orders, order_class, order_tuple_indices, order_tuple_span


def test_equal_to_the_recorded_dataset():
    cases = recorded('sampling_vcop')['tuples']
    assert len(cases) == 48
    for num_frames, clip_len, interval, tuple_len, order, label, first, last in cases:
        start = min(first)
        frames = order_tuple_indices(clip_len, interval, order, start)
        assert frames[:, 0].tolist() == first
        assert frames[:, -1].tolist() == last
        assert (np.diff(frames, axis=1) == 1).all()
        assert order_class(order) == label
        assert clip_orders(tuple_len)[label].tolist() == order
        assert start + order_tuple_span(clip_len, interval, tuple_len) <= num_frames


def test_the_six_classes_of_three_clips():
    names = [''.join(map(str, order)) for order in clip_orders(3)]
    assert names == ['012', '021', '102', '120', '201', '210']
    assert [order_class([int(place) for place in name]) for name in names] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize('tuple_len', [2, 3, 4, 5])
def test_classes_are_ranks_in_sorted_order(tuple_len):
    ranked = sorted(itertools.permutations(range(tuple_len)))
    assert clip_orders(tuple_len).tolist() == [list(order) for order in ranked]
    assert [order_class(order) for order in ranked] == list(range(len(ranked)))


def test_a_tuple_by_hand():
    # Clips of 4 frames, 2 left out: they start at 10, 16 and 22, and the last is shown first.
    assert order_tuple_indices(4, 2, [2, 0, 1], 10).tolist() == [[22, 23, 24, 25], [10, 11, 12, 13], [16, 17, 18, 19]]
    assert order_tuple_span(4, 2, 3) == 16
    assert order_tuple_span(16, 8, 3) == 64
    assert order_tuple_indices(4, 0, [0, 1], 0).reshape(-1).tolist() == list(range(8))


def test_bad_input_is_named():
    for tuple_len in (0, 1, 6):
        with pytest.raises(InputError, match=f'tuple_len={tuple_len}: expected 2 to 5'):
            clip_orders(tuple_len)
    with pytest.raises(InputError, match=r'order=\[0, 2\]'):
        order_class([0, 2])
    with pytest.raises(InputError, match='interval=-1'):
        order_tuple_span(16, -1, 3)
    with pytest.raises(InputError, match='clip_len=0'):
        order_tuple_indices(0, 8, [0, 1], 0)


def test_tuples_of_single_frames():
    assert order_tuple_span(1, 0, 3) == 3
    assert order_tuple_indices(1, 2, (1, 0), 4).tolist() == [[7], [4]]
