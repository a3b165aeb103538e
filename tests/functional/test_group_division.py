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
        # A small part wants less than the one group of a class that it needs.
        shares = [0.9, 0.1] if parts == 2 else [0.8, 0.1, 0.1]
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


def test_a_class_that_no_sample_has_is_no_obstacle():
    labels, groups = np.array([0, 0, 2, 2]), np.arange(4)
    chosen = divide_groups(labels, groups, [0.5, 0.5], 0)
    assert sorted(chosen[:2]) == sorted(chosen[2:]) == [0, 1]


def test_a_seed_always_gives_the_same_and_another_one_another():
    labels, groups = np.arange(60) % 3, np.arange(60) // 3
    found = {tuple(divide_groups(labels, groups, [0.75, 0.25], seed)) for seed in range(10)}
    assert len(found) == 10
    assert (divide_groups(labels, groups, [0.75, 0.25], 4) == divide_groups(labels, groups, [0.75, 0.25], 4)).all()


def cost_of(chosen, labels, shares):
    """Squared distance of each class from its share, divided by its size; that of all samples counts ten times."""
    cost = 0.0
    for of_class, weight in [*((labels == c, 1) for c in np.unique(labels)), (labels >= 0, 10)]:
        for part, share in enumerate(shares):
            cost += weight * ((chosen[of_class] == part).sum() - share * of_class.sum()) ** 2 / of_class.sum()
    return cost


def is_whole(chosen, labels, shares):
    return all(set(chosen[labels == c]) == set(range(len(shares))) for c in np.unique(labels))


@pytest.mark.parametrize('shares', [[0.75, 0.25], [0.6, 0.15, 0.25]])
def test_no_single_group_could_move_to_a_better_part(shares):
    """Groups of unlike sizes, so that shares cannot be met: each result against its neighbours and all divisions."""
    for seed in range(12):
        rng = np.random.default_rng(seed)
        groups = np.repeat(np.arange(7), rng.integers(2, 12, 7))
        labels = rng.integers(0, 2, len(groups))
        chosen = divide_groups(labels, groups, shares, seed)
        cost = cost_of(chosen, labels, shares)
        of_group = chosen[np.unique(groups, return_index=True)[1]]

        for group, part in itertools.product(range(7), range(len(shares))):
            moved = of_group.copy()
            moved[group] = part
            assert not is_whole(moved[groups], labels, shares) or cost_of(moved[groups], labels, shares) >= cost - 1e-5
        every = (np.array(parts) for parts in itertools.product(range(len(shares)), repeat=7))
        best = min(cost_of(parts[groups], labels, shares) for parts in every if is_whole(parts[groups], labels, shares))
        assert best - 1e-5 <= cost < best + 5  # single moves end beside the best here and there, by up to 4.5


def test_the_classes_that_prevent_a_division_are_named_and_no_others():
    labels, groups = [], []
    # a, b and c have the pairs of three groups: no two parts have all of them. Classes e to h are in all groups.
    for label, held in enumerate([(0, 1), (1, 2), (0, 2), *[(0, 1, 2, 3, 4)] * 4]):
        labels += [label] * len(held)
        groups += held
    with pytest.raises(InputError, match='the classes a, b, c share too few') as error:
        divide_groups(np.array(labels), np.array(groups), [0.5, 0.5], 0, list('abcefgh'))
    assert 'in all' not in str(error.value)


def test_of_many_classes_that_prevent_a_division_five_are_named():
    """Of seven classes with two of seven groups each, in a ring: an odd ring has no two colours."""
    labels = np.repeat(np.arange(7), 2)
    groups = np.array([[i, (i + 1) % 7] for i in range(7)]).reshape(-1)
    with pytest.raises(InputError, match=r'the classes 0, 1, 2, 3, 4 \.\.\. \(7 in all\) share'):
        divide_groups(labels, groups, [0.5, 0.5], 0)


def test_the_class_with_the_fewest_groups_is_named_first_and_the_others_are_counted():
    labels, groups = np.array([0, 0, 0, 1, 2, 2]), np.array([0, 1, 2, 0, 0, 1])
    with pytest.raises(InputError, match=r'class 1 has 1 group\(s\) and needs at least 3, .* \(and 1 more classes\)'):
        divide_groups(labels, groups, [0.5, 0.3, 0.2], 0)
    with pytest.raises(InputError, match=r'class 1 has 1 group\(s\) and needs at least 2, one for each part: leave'):
        divide_groups(labels, groups, [0.5, 0.5], 0)
