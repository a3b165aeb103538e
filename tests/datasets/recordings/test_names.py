"""Windows that overlap: what contradicts itself, and what belongs together, against every pair."""

import numpy as np

from auxskd_mm.datasets.recordings.names import Window, apart, contradiction, split_window, stretches, window_path


def drawn(seed):
    """Windows of two recordings in any order, and two whole videos."""
    rng = np.random.default_rng(seed)
    starts, lengths = rng.integers(0, 20, 8) / 2, rng.integers(1, 6, 8) / 2
    paths = [window_path('ab'[i % 2], Window(s, s + n)) for i, (s, n) in enumerate(zip(starts, lengths))]
    paths[3:3] = ['a', 'b']
    return paths, [(None, 'x', 'y')[i] for i in rng.integers(0, 3, len(paths))]


def overlap(one, other):
    (recording, window), (another, span) = split_window(one), split_window(other)
    return bool(window and span and recording == another and window.start < span.end and span.start < window.end)


def test_contradictions_are_those_of_every_pair():
    seen = set()
    for seed in range(300):
        paths, labels = drawn(seed)
        pairs = {
            (i, j)
            for i, one in enumerate(paths)
            for j, other in enumerate(paths)
            if overlap(one, other) and labels[i] and labels[j] and labels[i] != labels[j]
        }
        found = contradiction(list(zip(paths, labels)))
        assert (found in pairs) if pairs else found is None
        seen.add(found is None)
    assert seen == {True, False}
    assert contradiction([('a#t=0,x', 'x'), ('a#t=1,0', 'y')]) is None  # files with odd names


def test_stretches_are_the_windows_that_reach_each_other():
    for seed in range(300):
        paths = drawn(seed)[0]
        own = list(range(len(paths)))
        for _ in paths:  # the smallest number goes from neighbour to neighbour
            own = [
                min([own[i], *(own[j] for j, other in enumerate(paths) if overlap(one, other))])
                for i, one in enumerate(paths)
            ]
        numbers = stretches(paths)
        assert [[a == b for b in own] for a in own] == [[a == b for b in numbers] for a in numbers]


def test_windows_apart_do_not_overlap_and_none_can_be_added():
    for seed in range(300):
        paths = drawn(seed)[0]
        rows = apart(paths)
        assert rows == sorted(rows)
        assert {3, 4} <= {*rows}  # whole videos
        for i in rows:
            assert not any(overlap(paths[i], paths[j]) for j in rows if j != i)
        for i in {*range(len(paths))} - {*rows}:
            assert any(overlap(paths[i], paths[j]) for j in rows)
        first = (0, 5)
        beside = apart(paths, first)
        assert {*first} <= {*beside}
        for i in {*beside} - {*first}:
            assert not any(overlap(paths[i], paths[j]) for j in beside if j != i)
        for i in {*range(len(paths))} - {*beside}:
            assert any(overlap(paths[i], paths[j]) for j in beside)
        others = [f'a{window}' for window in ('#t=2,3', '#t=7.5,8')]
        rows = apart(paths, first, others)
        for i in {*rows} - {*first}:
            assert not any(overlap(paths[i], other) for other in others)
        for i in {*range(len(paths))} - {*rows}:
            assert any(overlap(paths[i], other) for other in [*others, *(paths[j] for j in rows)])
