"""The choice never looks at test clips, and never names a row that has not learned; chance is called chance."""

import numpy as np
import pytest
from made_up_rows import row, splits_of, videos
from scipy import stats

from auxskd_mm.own_videos.choice import best_row, candidates, choose, make_table, split_interval


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


def test_interval_of_overlapping_splits_by_hand(splits):
    values = [0.5, 0.6, 0.55, 0.7, 0.65]
    share = np.mean([len(split.test) / len(split.fit) for split in splits])
    mean = sum(values) / 5
    variance = sum((value - mean) ** 2 for value in values) / 4
    half = stats.t.ppf(0.975, 4) * (variance * (1 / 5 + share)) ** 0.5
    assert split_interval(values, splits) == pytest.approx((mean, half, 5))


def test_test_clips_change_no_choice(found, splits):
    table = table_of(found, splits, late_frozen=0.6, early_tuned=0.7, early_pace=0.8)
    before = choose(table, found).row
    for split in splits:  # the test answers of the best row become all wrong
        answers = table.rows[before].predictions[split.seed]
        answers.update({video.name: -1 for video in split.test})
    table = make_table(table.rows, splits, found)
    after = choose(table, found)
    assert after.row == before
    assert after.regret > 0.3


def test_a_row_that_has_not_learned_is_never_chosen(found, splits):
    table = table_of(found, splits, late_frozen=0.5, early_tuned=0.5, early_pace=1.0)
    assert choose(table, found).row == 'early_pace'
    table.rows['early_pace'].learned = False
    assert 'early_pace' not in candidates(table)
    assert choose(table, found).row != 'early_pace'


def test_still_frames_are_a_question_and_no_candidate(found, splits):
    table = table_of(found, splits, late_frozen=0.5, late_still=1.0)
    assert choose(table, found).row == 'late_frozen'


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
        called.append(choose(make_table(rows, splits, found), found).learnable)
    assert called.count('no') >= 19


def test_regret_is_the_best_test_row_minus_the_chosen(found, splits):
    table = table_of(found, splits, late_frozen=0.6, early_tuned=0.75)
    choice = choose(table, found)
    best = max(np.mean(values) for values in table.test.values())
    assert choice.regret == pytest.approx(best - np.mean(table.test[choice.row]))
    assert choice.regret >= 0


def test_expected_accuracy_chooses_anew_in_each_split(found, splits):
    table = table_of(found, splits, late_frozen=0.5, early_tuned=0.5)
    table.choice['late_frozen'] = [1, 0, 1, 0, 1]
    table.choice['early_tuned'] = [0, 1, 0, 1, 0]
    expected = [table.test['late_frozen'][i] if i % 2 == 0 else table.test['early_tuned'][i] for i in range(5)]
    assert choose(table, found).expected.mean == pytest.approx(np.mean(expected))


def test_mean_class_accuracy_counts_a_rare_class_alike():
    found = videos(classes=2, groups=8, each=4)
    found = type(found)([v for v in found.videos if v.label == 'c0' or v.name.endswith('_0.mp4')], True)
    splits = splits_of(found)
    constant = row(found, splits, 1.0)
    for split in splits:
        constant.predictions[split.seed] = {video.name: 0 for video in [*split.choice, *split.test]}
    table = make_table({'late_frozen': constant}, splits, found)
    assert table.classes['late_frozen'] == pytest.approx([0.5] * len(splits))
    assert min(table.test['late_frozen']) > 0.7
