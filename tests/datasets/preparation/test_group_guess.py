"""Groups that names suggest, and names that suggest none."""

import re

import pytest

from auxskd_mm.datasets.preparation.group_guess import guess_groups
from auxskd_mm.datasets.preparation.group_split import Clip


def clips(names):
    return [Clip(f'/videos/{name}', name.split('/')[0], name) for name in names]


@pytest.mark.parametrize(
    ('name', 'groups'),
    [
        ('{c}/s{s:02d}_{c}_{k}.mp4', ['s00', 's01', 's02', 's03']),
        ('{c}/{c}_s{s}_take{k}.mp4', ['s0', 's1', 's2', 's3']),
        ('{c}/v_{c}_g{s:02d}_c{k:02d}.avi', ['g00', 'g01', 'g02', 'g03']),
        ('{c}/person{s}/{k}.mp4', ['person0', 'person1', 'person2', 'person3']),
        ('{c}/speaker{s}clip{k}.mp4', ['speaker0', 'speaker1', 'speaker2', 'speaker3']),
        ('{c}/anna{s}-{k}.mp4', ['anna0', 'anna1', 'anna2', 'anna3']),
        ('{c}/{s}/clip{k}.mp4', ['0', '1', '2', '3']),
    ],
)
def test_the_likeliest_group(name, groups):
    found = clips([name.format(c=c, s=s, k=k) for c in ('jump', 'run') for s in range(4) for k in range(3)])
    first = guess_groups(found, '/videos')[0]
    assert sorted(set(first.group_of.values())) == groups
    assert_patterns_are_those_groups(found)


def assert_patterns_are_those_groups(found):
    """The option takes each pattern as it is: searched in the path below the folder."""
    for guess in guess_groups(found, '/videos'):
        for clip in found:
            assert re.search(guess.pattern, clip.path.removeprefix('/videos')).group(1) == guess.group_of[clip.path]


def test_classes_of_several_words_shift_no_group():
    """The word at the place of the scene was proposed, which is the counter of the classes of one word."""
    names = [f'{c}/v_{c}_g{s:02d}_c{k:02d}.avi' for c in ('long_jump', 'run') for s in range(4) for k in range(3)]
    assert [sorted(set(guess.group_of.values())) for guess in guess_groups(clips(names), '/videos')] == [
        ['g00', 'g01', 'g02', 'g03']
    ]
    # Here the scene has no sign of its own, and no pattern by places finds it.
    names = [f'{c}/v_{c}_{s}_c{k}.avi' for c in ('long_jump', 'run') for s in ('park', 'hall') for k in range(3)]
    assert guess_groups(clips(names), '/videos') == []


def test_names_of_several_lengths():
    names = [f'{c}/s{s}_{k}{"_again_b" * (k % 2)}.mp4' for c in ('jump', 'run') for s in range(4) for k in range(4)]
    for order in (names, names[::-1]):
        assert guess_groups(clips(order), '/videos')[0].pattern == r'[/_. \-](s\d+)[_. \-]'
        assert_patterns_are_those_groups(clips(order))


def test_the_likeliest_come_first_and_are_three():
    """A sign of a person or scene goes before a folder, that before the first word, and that before the others."""
    names = [
        f'{c}/{day}/{one}_{two}_{three}_p{p}_{k}.mp4'
        for c in ('jump', 'run')
        for k, (day, one, two, three, p) in enumerate(
            (day, one, two, three, p)
            for day in ('mon', 'tue')
            for one in ('ada', 'bob')
            for two in ('near', 'far')
            for three in ('wet', 'dry')
            for p in (1, 2)
        )
    ]
    found = guess_groups(clips(names), '/videos')
    assert [sorted(set(guess.group_of.values())) for guess in found] == [['p1', 'p2'], ['mon', 'tue'], ['ada', 'bob']]
    assert found[:2] == guess_groups(clips(names), '/videos', 2)
    every = guess_groups(clips(names), '/videos', 9)
    assert [sorted(set(guess.group_of.values())) for guess in every[3:]] == [['far', 'near'], ['dry', 'wet']]


def test_the_first_word_goes_before_a_sign_and_that_before_other_words():
    names = [
        f'{c}/{who}_{where}_cam{n}_{k}.mp4'
        for c in ('jump', 'run') for who in ('ada', 'bob') for where in ('near', 'far') for n in (1, 2) for k in (1, 2)
    ]  # fmt: skip
    found = guess_groups(clips(names), '/videos')
    assert [sorted(set(guess.group_of.values())) for guess in found] == [
        ['ada', 'bob'],
        ['cam1', 'cam2'],
        ['far', 'near'],
    ]


def test_a_sign_of_some_groups_alone_is_none():
    names = [
        f'{c}/{a}/scene{b}_{k}.mp4' for c in ('jump', 'run') for a in ('s1', 'out') for b in (1, 2) for k in (1, 2)
    ]
    found = guess_groups(clips(names), '/videos')
    assert [sorted(set(guess.group_of.values())) for guess in found] == [['scene1', 'scene2'], ['out', 's1']]


@pytest.mark.parametrize(
    'names',
    [
        [f'{c}/{who}{c}.mp4' for c in ('jump', 'run') for who in ('ada', 'bob', 'eve')],  # each clip differs
        [f'{c}/cam_{k}.mp4' for c in ('jump', 'run') for k in range(3)],  # all are the same
        # Clips of one class are of one person, so that it cannot be in both parts.
        [
            f'{c}/{who}_{k}.mp4'
            for c, whos in (('jump', ['ada']), ('run', ['bob', 'eve']))
            for who in whos
            for k in range(4)
        ],
        # One clip lacks the word.
        [*(f'{c}/s{s}x{k}.mp4' for c in ('jump', 'run') for s in range(4) for k in range(3)), 'jump/x.mp4'],
    ],
    ids=['unique', 'constant', 'one class', 'some'],
)
def test_words_that_are_no_groups(names):
    assert guess_groups(clips(names), '/videos') == []


def test_two_groups_of_two_clips_are_enough():
    names = [f'{c}/{who}_{k}.mp4' for k, who in enumerate(('ada', 'bob')) for c in ('jump', 'run')]
    (guess,) = guess_groups(clips(names), '/videos')
    assert set(guess.group_of.values()) == {'ada', 'bob'}


def test_names_by_a_person_first():
    people = ('ada', 'bob', 'eve', 'joe')
    found = clips([f'{c}/{s}_{k:03d}.mp4' for c in ('jump', 'run') for s in people for k in range(3)])
    assert [sorted(set(guess.group_of.values())) for guess in guess_groups(found, '/videos')] == [list(people)]


@pytest.mark.parametrize('name', ['{c}/{k:04d}.mp4', '{c}/{c}_{k}.mp4', '{c}/clip{k}.mp4', '{c}/c{k}_x.mp4'])
def test_the_class_and_a_counter_are_no_groups(name):
    assert guess_groups(clips([name.format(c=c, k=k) for c in ('jump', 'run') for k in range(8)]), '/videos') == []


@pytest.mark.parametrize(
    ('name', 'groups'),
    [
        ('{c}/2024-05-0{d}_cam{k}.mp4', ['2024-05-01', '2024-05-02', '2024-05-03']),
        ('{c}/VID_2024050{d}_10{k}500.mp4', ['20240501', '20240502', '20240503']),
        ('{c}/cam{k} 2024.05.0{d}.mp4', ['2024.05.01', '2024.05.02', '2024.05.03']),
    ],
)
def test_dates_are_groups(name, groups):
    found = clips([name.format(c=c, d=d, k=k) for c in ('jump', 'run') for d in (1, 2, 3) for k in (1, 2)])
    assert sorted(set(guess_groups(found, '/videos')[0].group_of.values())) == groups


@pytest.mark.parametrize('name', ['{c}/1{s}20240503{k}.mp4', '{c}/2024-35-0{s}_{k}.mp4', '{c}/202405{s}_{k}.mp4'])
def test_numbers_that_hold_no_date_are_no_groups(name):
    names = [name.format(c=c, s=s, k=k) for c in ('jump', 'run') for s in (1, 2) for k in (1, 2)]
    assert not any(re.search('20', guess.pattern) for guess in guess_groups(clips(names), '/videos'))


@pytest.mark.parametrize(('name', 'groups'), [('GX{s}0{k}.mp4', None), ('s{s}_day{k}.mp4', ['s1', 's2', 's3', 's4'])])
def test_recordings_of_several_classes_are_no_groups_of_several_recordings(name, groups):
    """A recording stands once for each class of its windows, so its own name seemed to be that of several."""
    names = [name.format(s=s, k=k) for s in (1, 2, 3, 4) for k in (1, 2)]
    guesses = guess_groups([Clip(f'/videos/{one}', label, one) for one in names for label in 'abc'], '/videos')
    assert [sorted({*guess.group_of.values()}) for guess in guesses[:1]] == ([groups] if groups else [])
