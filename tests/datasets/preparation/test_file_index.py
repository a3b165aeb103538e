"""Names of a published list find the files that users have of them."""

import pytest

from auxskd_mm.datasets.preparation.file_index import FileIndex
from auxskd_mm.errors import InputError


def touch(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


@pytest.mark.parametrize(
    ('have', 'name', 'found'),
    [
        ('Run/v_1.avi', 'Run/v_1.avi', 'Run/v_1.avi'),
        ('Run/v_1.mp4', 'Run/v_1.avi', 'Run/v_1.mp4'),
        ('Run/v_1/img_1.jpg', 'Run/v_1.avi', 'Run/v_1'),
        ('Run/v_1.mp4', 'Run/v_1', 'Run/v_1.mp4'),
        ('v_1.avi', 'Run/v_1.avi', 'v_1.avi'),
        ('deep/er/v_1.avi', 'Run/v_1.avi', 'deep/er/v_1.avi'),
        ('run fast/v_1.mp4', 'Run_fast/v_1.avi', 'run fast/v_1.mp4'),
        ('Run/V_1.avi', 'Run/v_1.avi', None),  # the names of online videos differ by case alone
        ('Run/v_1.txt', 'Run/v_1.avi', None),
        ('Run/v_1.5.mp4', 'Run/v_1.5', 'Run/v_1.5.mp4'),
    ],
)
def test_what_matches(tmp_path, have, name, found):
    assert FileIndex(touch(tmp_path, have, 'Other/x.avi')).find(name) == found


def test_the_times_of_a_window_are_read(tmp_path):
    index = FileIndex(touch(tmp_path, 'a.mp4', 'b#t=1.mp4'))
    assert index.find('a#t=1.50,2') == 'a.mp4#t=1.50,2'
    assert index.find('b#t=1.mp4') == 'b#t=1.mp4'  # a file of that name
    assert index.find('c.mp4#t=1') is None
    for times in ('1', '1,', '1,5,2,5', '1,2#x', '0:01,0:02', '2,1'):
        with pytest.raises(InputError, match=rf'^labels.csv: line 4: a.mp4#t={times}: '):
            index.find(f'a.mp4#t={times}', 'labels.csv: line 4')


def test_an_exact_name_wins_and_an_ambiguous_one_does_not(tmp_path):
    index = FileIndex(touch(tmp_path, 'a/v.mp4', 'a/v.avi', 'b/v.avi'))
    assert index.find('a/v.avi') == 'a/v.avi'
    assert index.find('c/v.avi') is None


@pytest.mark.parametrize(
    ('have', 'name', 'found'),
    [
        (('a b/v.avi', 'a b/v.mp4'), 'a_b/v.mp4', 'a b/v.mp4'),
        (('a/v.avi', 'a/v.mp4'), './a/v.mp4', 'a/v.mp4'),
        (('a/v.avi', 'a/v.MP4'), 'a/v.mp4', 'a/v.MP4'),
        (('A/v.mp4', 'a/v.mp4'), 'a/v.avi', 'a/v.mp4'),
        (('A/v.avi', 'a/v.mp4'), 'a/v.avi', 'a/v.mp4'),
        (('a/v/1.jpg', 'a/v.mp4'), 'a/v', 'a/v'),
    ],
)
def test_of_several_files_the_one_of_that_folder_and_suffix(tmp_path, have, name, found):
    assert FileIndex(touch(tmp_path, *have)).find(name) == found


def test_a_suffix_that_is_not_there_chooses_none_of_several_files(tmp_path):
    """The first of them was taken, though they may be different videos."""
    index = FileIndex(touch(tmp_path / 'videos', 'a/v.mp4', 'a/v.avi', 'a/w.mp4'))
    for name in ('a/v.mov', 'a/v', 'A/v.mov#t=0,1'):
        with pytest.raises(
            InputError, match=r'^l.txt: [aA]/v\S* may be a/v.avi or a/v.mp4 in \S+videos; write the suffix of one'
        ):
            index.find_all(['a/w.mp4', name], 'l.txt', tmp_path / 'out', 0.5)
    with pytest.raises(InputError, match=r'^a/v may be'):
        index.find('a/v')


def test_missing_videos_are_counted_named_and_written(tmp_path):
    index = FileIndex(touch(tmp_path / 'videos', 'a/1.mp4', 'a/other.mp4'))
    names = ['a/1.avi', 'a/2.avi', 'b/3.avi', 'b/4.avi', 'b/5.avi']
    with pytest.raises(
        InputError, match=r'^l.txt: 4 of 5 videos are not in \S+: a/2.avi, b/3.avi, b/4.avi \.\.\. \(4 in all\)'
    ) as error:
        index.find_all(names, 'l.txt', tmp_path / 'out')
    assert 'it holds 1 others, e.g. a/other.mp4' in str(error.value)
    assert (tmp_path / 'out/missing.txt').read_text().split() == names[1:]
    assert index.find_all(names, 'l.txt', tmp_path / 'out', 0.8) == ['a/1.mp4', None, None, None, None]
    with pytest.raises(InputError, match='79% may be'):
        index.find_all(names, 'l.txt', tmp_path / 'out', 0.79)
    index.find_all(names[:1], 'l.txt', tmp_path / 'out')
    assert not (tmp_path / 'out/missing.txt').exists()
    with pytest.raises(InputError, match=r'1 of 3 videos are not in \S+: a/2.mp4#t=0,1 \(all in \S+/missing.txt\)$'):
        index.find_all(['a/1.avi', 'a/other.avi', 'a/2.mp4#t=0,1'], 'l.txt', tmp_path / 'out')


def test_no_folder_and_no_videos(tmp_path):
    with pytest.raises(InputError, match='no such folder'):
        FileIndex(tmp_path / 'none')
    with pytest.raises(InputError, match='no videos'):
        FileIndex(touch(tmp_path, 'a.txt'))


def test_a_base_name_alone_does_not_make_one_file_two_videos(tmp_path):
    """A missing video gave its label to another one of the same base name, which could be on the other side of the split."""
    index = FileIndex(touch(tmp_path / 'videos', 'walk/x.mp4', 'flat.mp4', 'own.mp4'))
    names = ['walk/x.avi', 'run/x.avi', 'a/flat.avi', 'b/flat.avi', 'a/own.avi', 'a/own.avi']
    found = index.find_all(names, 'l.txt', tmp_path / 'out', max_missing_share=1.0)
    assert found == ['walk/x.mp4', None, None, None, 'own.mp4', 'own.mp4']
    names = ['a/flat.avi#t=0,1', 'b/flat.avi#t=1,2', 'a/own.avi#t=0,1', 'a/own.avi#t=1,2']
    found = index.find_all(names, 'l.txt', tmp_path / 'out', max_missing_share=1.0)
    assert found == [None, None, 'own.mp4#t=0,1', 'own.mp4#t=1,2']
    names = ['walk/x#t=0,1', 'run/x.avi#t=1,2', 'x.mp4#t=2,3']
    assert index.each_once(names, [index.find(name) for name in names]) == [
        'walk/x.mp4#t=0,1',
        None,
        'walk/x.mp4#t=2,3',
    ]
