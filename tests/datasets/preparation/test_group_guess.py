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
    ],
)
def test_the_likeliest_group(name, groups):
    found = clips([name.format(c=c, s=s, k=k) for c in ('jump', 'run') for s in range(4) for k in range(3)])
    first = guess_groups(found, '/videos')[0]
    assert sorted(set(first.group_of.values())) == groups
    # The option takes the pattern as it is: searched in the path below the folder.
    for clip in found:
        assert re.search(first.pattern, clip.path.removeprefix('/videos')).group(1) == first.group_of[clip.path]


def test_names_by_a_person_first():
    people = ('ada', 'bob', 'eve', 'joe')
    found = clips([f'{c}/{s}_{k:03d}.mp4' for c in ('jump', 'run') for s in people for k in range(3)])
    assert [sorted(set(guess.group_of.values())) for guess in guess_groups(found, '/videos')] == [list(people)]


@pytest.mark.parametrize('name', ['{c}/{k:04d}.mp4', '{c}/{c}_{k}.mp4', '{c}/clip{k}.mp4', '{c}/c{k}_x.mp4'])
def test_the_class_and_a_counter_are_no_groups(name):
    assert guess_groups(clips([name.format(c=c, k=k) for c in ('jump', 'run') for k in range(8)]), '/videos') == []
