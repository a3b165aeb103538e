"""Group splits: nothing lost, nothing shared, the size asked for."""

import pytest

from auxskd_mm.datasets.preparation.group_split import Clip, check_parts, divide_by_group, write_lists
from auxskd_mm.errors import InputError

CLIPS = [Clip(f'c{i % 3}/{i}.mp4', f'c{i % 3}', f'g{i // 4}') for i in range(80)]
SHARES = dict(train=0.75, test=0.25)


def test_no_group_on_both_sides_and_nothing_lost():
    tests = set()
    for seed in range(10):
        train, test = divide_by_group(CLIPS, SHARES, seed).values()
        assert not {c.group for c in train} & {c.group for c in test}
        assert sorted(train + test) == sorted(CLIPS)
        assert len(test) == 20  # groups of 4: the share can be met exactly
        tests.add(tuple(test))
    assert len(tests) > 5
    assert divide_by_group(CLIPS, SHARES, 3) == divide_by_group(CLIPS, SHARES, 3)


def test_lists(tmp_path):
    first, second, third = Clip('b/1.mp4', 'b', '0'), Clip('a/2.mp4', 'a', '1'), Clip('c/3.mp4', 'c', '2')
    files = write_lists(tmp_path / 'lists', [first], [second], ['x.mp4'])
    assert files['train'].read_text() == 'b/1.mp4 1\n'
    assert files['test'].read_text() == 'a/2.mp4 0\n'
    assert files['pool'].read_text() == 'b/1.mp4\nx.mp4\n'
    assert files['classes'].read_text() == 'a\nb\n'
    assert files['groups'].read_text().split() == ['path,group', 'b/1.mp4,0', 'a/2.mp4,1']
    assert 'val' not in files
    files = write_lists(tmp_path / 'lists', [first], [second], val=[third], delimiter=',')
    assert files['val'].read_text() == 'c/3.mp4,2\n'
    with pytest.raises(InputError, match=r"^delimiter='': expected the sign between path and label"):
        write_lists(tmp_path, [first], [second], delimiter='')
    with pytest.raises(InputError, match=r"1 paths hold the delimiter ' ': my videos/1.mp4; rename"):
        write_lists(tmp_path, [Clip('my videos/1.mp4', 'a', '0')], [second])


@pytest.mark.parametrize(
    ('parts', 'says'),
    [
        (dict(train='a1 b2', test='a1 b3'), '1 groups are in both train and test: 1;'),
        (dict(train='a1 b2', val='a3 b4', test='a5 b4'), '1 groups are in both val and test: 4;'),
        (dict(train='a1 b2', test='a3'), '1 of 2 classes have no clip in test: b'),
        (dict(train='a1', test='a3 b2 c4 d5 e6'), '4 of 5 classes have no clip in train: b, c, d ... .4 in all.'),
    ],
)
def test_unfit_divisions(parts, says):
    clips = {name: [Clip(text, text[0], text[1]) for text in part.split()] for name, part in parts.items()}
    with pytest.raises(InputError, match=f'^my.csv: {says}'):
        check_parts(clips, 'my.csv')
    check_parts(dict(train=[Clip('x', 'a', '1')], test=[Clip('y', 'a', '2')]), 'my.csv')


def test_one_group_cannot_be_split():
    with pytest.raises(InputError, match='cannot be split'):
        divide_by_group([Clip('a', 'a', 'g')] * 4, SHARES, 0)
