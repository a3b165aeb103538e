"""The choice never looks at test clips, and never names a row that has not learned; chance is called chance."""

import numpy as np
import pytest
from made_up_rows import row, splits_of, videos
from scipy import stats

from auxskd_mm.own_videos.choice import best_row, candidates, choose, group_interval, make_table


@pytest.fixture
def found():
    return videos(classes=3, groups=8, each=4)


@pytest.fixture
def splits(found):
    return splits_of(found)


def table_of(found, splits, **shares):
    rows = {name: row(found, splits, share, name, **kinds(name)) for name, share in shares.items()}
    return make_table(rows, splits, found)


def kinds(name):
    phase = 'pace_early' if 'pace' in name else None
    return dict(phase=phase, trains=name.endswith(('tuned', 'pace')), still='still' in name)


def test_interval_between_groups_by_hand():
    values, groups = np.array([1, 1, 1, 1, 0, 0, 0.0]), ['a', 'a', 'b', 'b', 'c', 'c', 'c']
    mean = 4 / 7
    sums = [2 - 2 * mean, 2 - 2 * mean, 0 - 3 * mean]
    half = stats.t.ppf(0.975, 2) * (3 / 2 * sum(x**2 for x in sums) / 49) ** 0.5
    assert group_interval(values, groups) == pytest.approx((mean, half, 7))


def test_copies_of_a_clip_do_not_narrow_the_interval():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 2, 30).astype(float)
    names = [str(i) for i in range(30)]
    once, thrice = group_interval(values, names), group_interval(np.tile(values, 3), names * 3)
    assert once.half == pytest.approx(thrice.half)


def test_groups_that_agree_by_chance_do_not_narrow_the_interval():
    # 10, 10 and 11 of 20: between the groups almost nothing varies; 60 independent clips have t * sqrt(p (1 - p) / 59).
    values = np.concatenate([np.arange(20) < right for right in (10, 10, 11)]).astype(float)
    found = group_interval(values, ['a'] * 20 + ['b'] * 20 + ['c'] * 20)
    p = 31 / 60
    assert found.half == pytest.approx(4.302653 * (p * (1 - p) / 59) ** 0.5, abs=1e-6)


def test_three_groups_that_are_all_right_are_not_certain():
    found = group_interval(np.ones(60), ['a', 'b', 'c'] * 20, shares=True)
    assert found.mean == 1
    assert found.half > 0.3
    # Student's t of 2 degrees of freedom for 3 samples: Wilson's lower limit is n / (n + t^2), the upper one is 1.
    assert found.half == pytest.approx(1 - 3 / (3 + 4.302653**2), abs=1e-4)
    equal = group_interval(np.full(6, 0.2), ['a', 'b', 'c'] * 2)  # differences: all groups gain as much
    assert np.isnan(equal.half)
    assert not equal.certain
    alike = group_interval(np.array([1.0, 0.0] * 3), ['a', 'a', 'b', 'b', 'c', 'c'])  # by hand: t * sqrt(0.3 / 6)
    assert alike.half == pytest.approx(4.302653 * 0.05**0.5, abs=1e-4)
    assert group_interval(np.zeros(6), ['a', 'b', 'c'] * 2).half == 0
    assert np.isnan(group_interval(np.ones(5), ['a'] * 5).half)


def test_the_interval_holds_the_truth_in_about_95_of_100_draws():
    rng, hits = np.random.default_rng(1), 0
    for _ in range(400):
        levels = rng.beta(6, 4, 8)  # accuracy of each group; their mean is 0.6
        values = (rng.random((8, 12)) < levels[:, None]).astype(float).reshape(-1)
        found = group_interval(values, np.repeat(np.arange(8), 12).astype(str))
        hits += abs(found.mean - 0.6) <= found.half
    assert 0.92 <= hits / 400 <= 0.98


def test_test_clips_change_no_choice(found, splits):
    table = table_of(found, splits, late_frozen=0.6, early_tuned=0.7, early_pace=0.8)
    before = choose(table).row
    for split in splits:  # the test answers of the best row become all wrong
        answers = table.rows[before].predictions[split.seed]
        answers.update({video.name: -1 for video in split.test})
    table = make_table(table.rows, splits, found)
    after = choose(table)
    assert after.row == before
    assert after.regret > 0.3


def test_a_row_that_has_not_learned_is_never_chosen(found, splits):
    table = table_of(found, splits, late_frozen=0.5, early_tuned=0.5, early_pace=1.0)
    assert choose(table).row == 'early_pace'
    table.rows['early_pace'].learned = False
    assert 'early_pace' not in candidates(table)
    assert choose(table).row != 'early_pace'


def test_still_frames_are_a_question_and_no_candidate(found, splits):
    table = table_of(found, splits, late_frozen=0.5, late_still=1.0)
    assert choose(table).row == 'late_frozen'


def test_of_equal_rows_the_simple_one_is_chosen(found, splits):
    table = table_of(found, splits, early_pace=1.0, early_tuned=1.0, late_frozen=1.0)
    assert best_row(table, candidates(table)) == 'late_frozen'


def test_shuffled_labels_are_called_that(found, splits):
    called = []
    for seed in range(20):
        rows = {
            name: row(found, splits, 1 / 3, name, seed, **kinds(name))
            for name in ('late_frozen', 'early_tuned', 'early_pace')
        }
        called.append(choose(make_table(rows, splits, found)).learnable)
    assert called.count('no') >= 19


def test_regret_is_the_best_test_row_minus_the_chosen(found, splits):
    table = table_of(found, splits, late_frozen=0.6, early_tuned=0.75)
    choice = choose(table)
    best = max(hits.mean() for hits in table.tested.hits.values())
    assert choice.regret == pytest.approx(best - table.tested.hits[choice.row].mean())
    assert choice.regret >= 0


def test_expected_accuracy_chooses_anew_in_each_split(found, splits):
    table = table_of(found, splits, late_frozen=0.5, early_tuned=0.5)
    odd = table.chosen_by.of_split % 2 == 1
    table.chosen_by.hits.update(late_frozen=1.0 - odd, early_tuned=1.0 * odd)
    tested = table.tested
    expected = np.where(tested.of_split % 2 == 1, tested.hits['early_tuned'], tested.hits['late_frozen'])
    assert choose(table).expected.mean == pytest.approx(expected.mean())


def test_rows_are_scored_on_their_own_clips(found, splits):
    table = table_of(found, splits, late_frozen=0.7)
    number = {name: i for i, name in enumerate(found.classes)}
    for index, split in enumerate(splits):
        answers = table.rows['late_frozen'].predictions[split.seed]
        right = [answers[video.name] == number[video.label] for video in split.test]
        assert table.test['late_frozen'][index] == pytest.approx(np.mean(right))


def test_mean_class_accuracy_counts_a_rare_class_alike():
    found = videos(classes=2, groups=8, each=4)
    found = type(found)([v for v in found.videos if v.label == 'c0' or v.name.endswith('_0.mp4')], True)
    splits = splits_of(found)
    constant = row(found, splits, 1.0)
    for split in splits:
        constant.predictions[split.seed] = {video.name: 0 for video in [*split.choice, *split.test]}
    table = make_table({'late_frozen': constant}, splits, found)
    assert table.tested.class_accuracy('late_frozen').mean == pytest.approx(0.5)
    assert table.interval('late_frozen').mean > 0.7
    assert table.constant == table.interval('late_frozen').mean


def test_classes_of_different_size_are_no_noise_of_the_mean_class_accuracy():
    found = videos(classes=2, groups=8, each=4)
    found = type(found)([v for v in found.videos if v.label == 'c0' or v.name.endswith('_0.mp4')], True)
    splits = splits_of(found)
    table = make_table({'late_frozen': row(found, splits, 1.0)}, splits, found)
    assert table.tested.class_accuracy('late_frozen') == table.interval('late_frozen')
    part = make_table({'late_frozen': row(found, splits, 0.8)}, splits, found).tested
    hits, labels = part.hits['late_frozen'], part.labels
    own = [hits[labels == label].mean() for label in (0, 1)]
    shares = [2 * (labels == label).mean() for label in (0, 1)]
    spread = [(hit - own[label]) / shares[label] for hit, label in zip(hits, labels)]
    made = part.class_accuracy('late_frozen')
    assert made.mean == pytest.approx(np.mean(own))
    assert made.half == pytest.approx(group_interval(spread, part.groups).half)


def test_groups_that_lose_as_much_as_they_gain_are_not_certain_of_it():
    """Two groups with a clip won and a clip lost each: no difference, but not by an interval of nothing."""
    values, groups = [1, -1, 0, 0] * 2, list('aaaabbbb')
    assert group_interval(values, groups).half > 0.5
    assert group_interval([0] * 8, groups).half == 0
