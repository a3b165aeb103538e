"""Held-out parts, and splits that are not whole."""

import pytest

from auxskd_mm.datasets.preparation.labeled_list import Labeled
from auxskd_mm.datasets.preparation.split_lists import Split, check_official, hold_out, write_split
from auxskd_mm.errors import InputError

VIDEOS = [Labeled(f'c{i % 3}/{i}.avi', i % 3) for i in range(30)]


def test_hold_out_divides_and_keeps_order():
    seen = set()
    for seed in range(5):
        rest, held = hold_out(VIDEOS, 8, seed)
        assert len(held) == 8
        assert sorted(rest + held) == sorted(VIDEOS)
        assert rest == [video for video in VIDEOS if video in rest]
        seen.add(tuple(held))
    assert len(seen) == 5
    assert hold_out(VIDEOS, 0, 0) == (VIDEOS, [])
    with pytest.raises(InputError, match='cannot hold out 30 of 30'):
        hold_out(VIDEOS, 30, 0)
    with pytest.raises(InputError, match='seed=-1: expected at least 0'):
        hold_out(VIDEOS, 3, -1)


def test_written_lists(tmp_path):
    counts = write_split(tmp_path, 2, Split(VIDEOS[:20], VIDEOS[20:]), 5, 0)
    assert counts == dict(train=20, test=10, fit=15, val=5)
    lines = {name: (tmp_path / f'{name}_split2.txt').read_text().splitlines() for name in counts}
    assert lines['train'][4] == 'c1/4.avi 1'
    assert sorted(lines['fit'] + lines['val']) == sorted(lines['train'])
    assert write_split(tmp_path, 2, Split(VIDEOS[:20], VIDEOS[20:]), 0, 0) == dict(train=20, test=10)
    # Those of an earlier split would hold out other videos.
    assert sorted(path.name for path in tmp_path.iterdir()) == ['test_split2.txt', 'train_split2.txt']


@pytest.mark.parametrize(
    ('train', 'test', 'says'),
    [
        (VIDEOS[:20] + VIDEOS[:1], VIDEOS[20:], '1 videos stand twice in the train list'),
        (VIDEOS[:20], VIDEOS[18:], '2 videos are in both the train and the test list: c0/18.avi, c1/19.avi'),
        (VIDEOS[:20], VIDEOS[20:22], '1 classes have no test video: one'),
    ],
)
def test_splits_that_are_not_whole(train, test, says):
    with pytest.raises(InputError, match=f'^lists: {says}'):
        check_official(Split(train, test), ['zero', 'one', 'two'], 'lists')
