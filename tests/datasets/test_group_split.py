"""Group splits: nothing lost, nothing shared, the size asked for."""

import pytest

from auxskd_mm.datasets.group_split import Clip, read_group_table, split_by_group, write_lists
from auxskd_mm.errors import InputError

CLIPS = [Clip(f'c{i % 3}/{i}.mp4', f'c{i % 3}', f'g{i // 4}') for i in range(80)]


def test_no_group_on_both_sides_and_nothing_lost():
    tests = set()
    for seed in range(10):
        train, test = split_by_group(CLIPS, 0.25, seed)
        assert not {c.group for c in train} & {c.group for c in test}
        assert sorted(train + test) == sorted(CLIPS)
        assert len(test) == 20  # groups of 4: the share can be met exactly
        tests.add(tuple(test))
    assert len(tests) > 5
    assert split_by_group(CLIPS, 0.25, 3) == split_by_group(CLIPS, 0.25, 3)


def test_table_and_lists(tmp_path):
    table = tmp_path / 'groups.csv'
    table.write_text('class,file,group\nb,1.mp4,0\na,2.mp4,1\n')
    first, second = read_group_table(table)
    assert (first.path, second.group) == ('b/1.mp4', '1')
    files = write_lists(tmp_path / 'lists', [first], [second], ['x.mp4'])
    assert files['train'].read_text() == 'b/1.mp4 1\n'
    assert files['test'].read_text() == 'a/2.mp4 0\n'
    assert files['pool'].read_text() == 'b/1.mp4\nx.mp4\n'
    assert files['classes'].read_text() == 'a\nb\n'


@pytest.mark.parametrize('share', [0.0, 1.0, -1])
def test_bad_shares(share):
    with pytest.raises(InputError, match='test_share'):
        split_by_group(CLIPS, share, 0)


def test_bad_tables(tmp_path):
    with pytest.raises(InputError, match='no such group table'):
        read_group_table(tmp_path / 'none.csv')
    (tmp_path / 'a.csv').write_text('class,file\na,b\n')
    with pytest.raises(InputError, match='no column group; found class, file'):
        read_group_table(tmp_path / 'a.csv')
    (tmp_path / 'b.csv').write_text('class,file,group\n')
    with pytest.raises(InputError, match='empty'):
        read_group_table(tmp_path / 'b.csv')
    with pytest.raises(InputError, match='cannot be split'):
        split_by_group([Clip('a', 'a', 'g')] * 4, 0.5, 0)
