"""Each answer is one sentence with its interval; the verdict says why, and says so when there is nothing to learn."""

import dataclasses
import re

import pytest
from made_up_rows import row, splits_of, videos

from auxskd_mm.own_videos.answers import NOTHING, make_answers
from auxskd_mm.own_videos.choice import choose, make_table
from auxskd_mm.own_videos.scores import PhaseResult

STEPS = (200, 400)
KINDS = {
    'late_frozen': dict(),
    'late_still': dict(still=True),
    'early_tuned': dict(trains=True),
    'early_pace': dict(trains=True, phase='pace_early'),
    'early_adapters_tuned': dict(trains=True, learner='early_adapters'),
    'early_adapters_vspp': dict(trains=True, learner='early_adapters', phase='vspp_early_adapters'),
}


def answers(shares, learned=True, missing=None, classes=3):
    found = videos(classes=classes, groups=8, each=4)
    splits = splits_of(found)
    rows = {name: row(found, splits, share, name, **KINDS[name]) for name, share in shares.items()}
    phases = []
    if 'early_pace' in rows:
        rows['early_pace'].learned = learned
        phases = [
            PhaseResult('pace_early', split.seed, learned, 'not learned: pace 35.0% against 34.0%') for split in splits
        ]
    table = make_table(rows, splits, found)
    choice = choose(table)
    made = make_answers(table, choice, phases, found, missing or {}, STEPS)
    return {answer.letter: answer.sentence for answer in made}


def test_each_is_one_sentence_with_an_interval():
    found = answers(dict(late_frozen=0.6, late_still=0.5, early_tuned=0.7, early_pace=0.9))
    assert list(found) == list('abcdef')
    for letter, sentence in found.items():
        assert '\n' not in sentence
        assert re.search(r'\d ± \d', sentence), (letter, sentence)


def test_pretraining_is_named_where_it_is_best():
    found = answers(dict(late_frozen=0.4, late_still=0.4, early_tuned=0.5, early_pace=0.95))
    assert found['f'].startswith('Pretrain, and use early pace, because')
    assert found['d'].startswith('It helps: +')
    assert '200 steps' in found['d']


def test_a_pretrained_row_is_compared_with_the_same_network():
    """Adapters with adapters, although other rows have the maps, and one of them is worse."""
    shares = dict(late_frozen=0.1, early_adapters_tuned=0.6, early_tuned=0.3, early_adapters_vspp=0.95)
    gain, best, base = map(float, re.findall(r'([\d.]+) [±\[]', answers(shares)['d']))
    assert gain == pytest.approx(best - base, abs=0.11)
    assert base == pytest.approx(60, abs=12)


@pytest.mark.parametrize(('other', 'noise'), [(0.5, False), (0.94, True)])
def test_a_choice_within_the_noise_says_so(other, noise):
    sentence = answers(dict(late_frozen=0.4, late_still=0.4, early_tuned=other, early_pace=0.9))['f']
    mean, half = map(float, re.search(r'([+-][\d.]+) ± ([\d.]+) points against', sentence).groups())
    assert (abs(mean) <= half) is noise is (', which is within the noise. Expect' in sentence)


def test_public_weights_are_named_where_they_are_best():
    found = answers(dict(late_frozen=0.95, late_still=0.9, early_tuned=0.5, early_pace=0.5))
    assert found['f'].startswith('Do not pretrain: use late frozen, because')
    assert found['a'].startswith('Yes, in part')
    assert found['c'].startswith('It does harm: -')


def test_a_pretraining_that_learned_nothing_is_never_the_verdict():
    found = answers(dict(late_frozen=0.8, late_still=0.4, early_tuned=0.8, early_pace=1.0), learned=False)
    assert found['f'].startswith('Do not pretrain (it has not learned its task): use')
    assert 'early pace' not in found['f']
    assert 'pace 35.0% against 34.0%' in found['d']


@pytest.mark.parametrize('classes', [2, 3])
def test_labels_without_meaning(classes):
    chance = 1 / classes
    found = answers(dict(late_frozen=chance, late_still=chance, early_tuned=chance, early_pace=chance), classes=classes)
    assert NOTHING in found['f'].lower()


def test_what_was_not_run_says_why():
    found = answers(dict(late_frozen=0.9, late_still=0.8), missing={False: 'no time', True: 'no minutes'})
    assert found['c'] == 'Not measured: no time.'
    assert found['d'] == 'Not measured: no minutes.'
    assert answers(dict(late_frozen=0.9, late_still=0.8))['c'] == 'Not measured: no such row was run.'
    assert found['f'].startswith('Use late frozen')


def test_one_tested_group_has_no_interval_and_the_verdict_says_so():
    found = videos(classes=2, groups=6, each=40)
    splits = splits_of(found, 1)
    group = splits[0].test[0].group
    splits = [dataclasses.replace(splits[0], test=[video for video in splits[0].test if video.group == group])]
    table = make_table({'late_frozen': row(found, splits, 0.95)}, splits, found)
    sentence = make_answers(table, choose(table), [], found, {}, (10, 20))[-1].sentence
    assert '±' not in sentence.partition('Expect')[2]
    assert sentence.endswith('All test clips are of one group, so there is no interval: a new group may be far off.')
