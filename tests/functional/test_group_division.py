"""Divisions by group against all divisions there are, and against known numbers."""

import itertools

import numpy as np
import pytest

from auxskd_mm.errors import InputError
from auxskd_mm.functional.group_division import divide_groups


def exists(held, parts):
    """Whether some division of (G, C) groups has every class in each part, by trying all."""
    return any(
        all(held[np.equal(choice, part)].any(0).all() for part in range(parts))
        for choice in itertools.product(range(parts), repeat=len(held))
    )


def test_a_division_is_found_exactly_when_there_is_one():
    outcomes = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        groups, parts = (6, 2) if seed % 3 else (5, 3)
        rows = [rng.choice(groups, rng.integers(parts, parts + 2), replace=False) for _ in range(rng.integers(3, 12))]
        pairs = [(c, g) for c, chosen in enumerate(rows) for g in chosen] + [(0, g) for g in range(groups)]
        labels, of_group = np.array(pairs).T
        held = np.zeros((groups, len(rows)), bool)
        held[of_group, labels] = True
        shares = [0.75, 0.25] if parts == 2 else [0.5, 0.25, 0.25]
        outcomes.append(exists(held, parts))
        if not outcomes[-1]:
            with pytest.raises(InputError, match='share too few groups'):
                divide_groups(labels, of_group, shares, seed)
            continue
        chosen = divide_groups(labels, of_group, shares, seed)
        part_of = dict(zip(of_group, chosen))
        assert all(part_of[g] == p for g, p in zip(of_group, chosen))
        assert all(set(chosen[labels == c]) == set(range(parts)) for c in range(len(rows)))
    assert 5 < sum(outcomes) < 55  # both cases occur


def test_shares_are_met_in_all_and_for_each_class():
    labels = np.repeat(np.arange(7), 40)
    chosen = divide_groups(labels, np.arange(280), [0.6, 0.15, 0.25], 1)
    assert np.bincount(chosen).tolist() == [168, 42, 70]
    assert all(np.bincount(chosen[labels == c]).tolist() == [24, 6, 10] for c in range(7))


def test_a_seed_always_gives_the_same_and_another_one_another():
    labels, groups = np.arange(60) % 3, np.arange(60) // 3
    found = {tuple(divide_groups(labels, groups, [0.75, 0.25], seed)) for seed in range(10)}
    assert len(found) == 10
    assert (divide_groups(labels, groups, [0.75, 0.25], 4) == divide_groups(labels, groups, [0.75, 0.25], 4)).all()
