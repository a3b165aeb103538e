"""Videos are chosen that are labelled already, chosen twice, or not those that the method names."""

import numpy as np
import pytest

from auxskd_mm.errors import InputError
from auxskd_mm.evaluation.label_choice import STRATEGIES, choose_to_label, k_center, margins, typical_clips
from auxskd_mm.evaluation.label_choice.typical import typicality


def blobs(sizes, spread=0.05, seed=0):
    """Groups of features around orthogonal directions, and the group of each."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    features = np.eye(len(sizes))[groups] + spread * rng.standard_normal((len(groups), len(sizes)))
    return features / np.linalg.norm(features, axis=1, keepdims=True), groups


def test_typicality_by_hand():
    line = np.array([[0.0], [1.0], [3.0], [7.0]])
    np.testing.assert_allclose(1 / typicality(line, 2), [2, 1.5, 2.5, 5], rtol=1e-4)


def test_one_typical_clip_of_each_group_the_largest_first():
    features, groups = blobs([12, 30, 8, 20])
    chosen = typical_clips(features, 4)
    assert [groups[row] for row, _ in chosen] == [1, 3, 0, 2]
    assert [size for _, size in chosen] == [30, 20, 12, 8]
    for row, size in chosen:  # a slower second way: the mean distance to the nearest ones, clip by clip
        own = np.flatnonzero(groups == groups[row])
        near = min(20, size // 2)
        means = [np.mean(sorted(np.linalg.norm(features[own] - features[i], axis=1))[1 : near + 1]) for i in own]
        assert row == own[int(np.argmin(means))]


def test_groups_with_a_label_come_last():
    features, groups = blobs([12, 30, 8, 20])
    labelled = [int(np.flatnonzero(groups == group)[0]) for group in (1, 3)]
    assert {groups[row] for row, _ in typical_clips(features, 2, labelled)} == {0, 2}


def test_small_groups_are_left_out_or_come_last():
    features, groups = blobs([20, 2, 20, 20])
    assert {groups[row] for row, _ in typical_clips(features, 2, [0, 1])} == {2, 3}  # four groups, a label in one
    assert [groups[row] for row, _ in typical_clips(features, 4)][3] == 1
    every = typical_clips(features, len(features))
    assert sorted(row for row, _ in every) == list(range(len(features)))


def test_a_group_is_small_below_five_clips():
    """Three groups, a label in the largest. Two large ones are enough for two clips, so that of four is left out."""
    features, groups = blobs([8, 5, 4])
    assert [groups[row] for row, _ in typical_clips(features, 2, [0])] == [1, 0]
    features, groups = blobs([8, 4, 4])
    assert {groups[row] for row, _ in typical_clips(features, 2, [0])} == {1, 2}


def test_in_a_group_of_three_the_two_that_are_near_are_typical():
    features = np.array([[3.0], [0.0], [0.1]])
    assert typical_clips(features, 1)[0][0] in (1, 2)


def test_k_center_by_brute_force():
    rng = np.random.default_rng(3)
    features = 0.2 * rng.standard_normal((40, 5))
    for labelled in ([], [4, 7]):
        chosen = list(labelled) or [k_center(features, 1)[0][0]]
        distances = [] if labelled else [0.0]
        if not labelled:
            assert chosen[0] == int(np.linalg.norm(features - features.mean(0), axis=1).argmin())
        while len(chosen) < 9:
            away = [min(np.linalg.norm(feature - features[c]) for c in chosen) for feature in features]
            chosen.append(int(np.argmax(away)))
            distances.append(max(away))
        expected = chosen[len(labelled) :]
        found = k_center(features, len(expected), labelled)
        assert [row for row, _ in found] == expected
        np.testing.assert_allclose([distance for _, distance in found], distances)


def test_margins_by_hand():
    table = np.array([[0.5, 0.3, 0.2], [0.4, 0.4, 0.2], [0.0, 0.9, 0.1]])
    np.testing.assert_allclose(margins(table), [0.2, 0, 0.8])
    picks = choose_to_label(np.eye(3), 2, 'uncertain', probabilities=table)
    assert [pick.row for pick in picks] == [1, 0]
    assert picks[1].why == 'margin 0.20'


@pytest.mark.parametrize('strategy', STRATEGIES)
def test_all_clips_can_be_chosen_once_and_labelled_ones_never(strategy):
    features, groups = blobs([9, 3, 1, 14])
    features[5] = features[6]  # a copy
    labelled = [0, 11, 20]
    table = np.abs(features) / np.abs(features).sum(1, keepdims=True)
    for count in (1, 10, len(groups) - 3):
        picks = choose_to_label(features, count, strategy, labelled=labelled, probabilities=table, seed=1)
        rows = [pick.row for pick in picks]
        assert len(set(rows)) == count
        assert not set(rows) & set(labelled)


@pytest.mark.parametrize('strategy', STRATEGIES)
def test_the_same_seed_chooses_the_same(strategy):
    features, _ = blobs([15, 15, 15], spread=0.5)
    table = np.abs(features) / np.abs(features).sum(1, keepdims=True)
    one, other = (choose_to_label(features, 7, strategy, probabilities=table, seed=4) for _ in range(2))
    assert one == other


@pytest.mark.parametrize('strategy', ['typical', 'diverse'])
def test_the_length_of_a_feature_does_not_count(strategy):
    features, _ = blobs([15, 9, 6], spread=0.3)
    scaled = features * np.random.default_rng(2).uniform(0.1, 10, (len(features), 1))
    assert choose_to_label(scaled, 6, strategy) == choose_to_label(features, 6, strategy)


@pytest.mark.parametrize(
    ('words', 'expected'),
    [
        (dict(strategy='best'), "strategy='best': expected one of 'typical'"),
        (dict(count=0), 'count=0: expected 1 to 4'),
        (dict(count=5), 'count=5: expected 1 to 4'),
        (dict(seed=-1), 'seed=-1: expected at least 0'),
        (dict(strategy='uncertain'), 'needs the probabilities'),
        (dict(strategy='uncertain', probabilities=np.ones((6, 1))), 'two classes or more'),
    ],
)
def test_mistakes(words, expected):
    with pytest.raises(InputError, match=expected):
        choose_to_label(np.eye(6), labelled=[1, 3], **{'count': 2, **words})
