"""A folder or a table of one's own: labels, groups, splits, and what is refused."""

import pytest

from auxskd_mm.datasets.preparation.group_split import Clip
from auxskd_mm.datasets.preparation.own_folder import prepare_folder, split_clips
from auxskd_mm.errors import InputError

NAMES = [f'{c}/{c}_g{g}_{v}.mp4' for c in ('jump', 'run') for g in range(8) for v in range(3)]


@pytest.fixture
def folder(tmp_path):
    for name in NAMES:
        (tmp_path / 'videos' / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / 'videos' / name).touch()
    return tmp_path / 'videos'


def read(path):
    return [tuple(line.split()) for line in path.read_text().splitlines()]


def test_labels_from_folders_and_every_video_its_own_group(folder, tmp_path):
    parts = prepare_folder(folder, tmp_path / 'out', test_share=0.25)
    assert (len(parts['train']), len(parts['test'])) == (36, 12)
    rows = read(tmp_path / 'out/train.txt') + read(tmp_path / 'out/test.txt')
    assert sorted(rows) == sorted((str(folder / name), '01'[name.startswith('run')]) for name in NAMES)
    assert len(read(tmp_path / 'out/pool.txt')) == 36


def test_groups_from_a_pattern_hold_across_classes(folder, tmp_path):
    parts = prepare_folder(
        folder, tmp_path / 'out', group_pattern=r'_g(\d)_', test_share=0.25, val_share=0.25, pool=['x.mp4']
    )
    groups = {name: {clip.group for clip in clips} for name, clips in parts.items()}
    assert {name: len(found) for name, found in groups.items()} == dict(train=4, val=2, test=2)
    assert not groups['train'] & groups['val'] | groups['train'] & groups['test'] | groups['val'] & groups['test']
    assert {len(clips) for clips in parts.values()} == {24, 12}
    assert len(read(tmp_path / 'out/val.txt')) == 12
    assert read(tmp_path / 'out/pool.txt')[-1] == ('x.mp4',)


def table(tmp_path, header, rows):
    path = tmp_path / 'my.csv'
    path.write_text('\n'.join([header, *rows]) + '\n')
    return path


def test_tables(folder, tmp_path):
    rows = [f'{name},{name[:3]},{name[-7]}' for name in NAMES]  # groups 0-7 are what follows 'g'
    parts = prepare_folder(folder, tmp_path / 'out', table=table(tmp_path, 'path,label,group', rows), test_share=0.5)
    assert {clip.label for clip in parts['train']} == {'jum', 'run'}
    assert len({clip.group for clip in parts['test']}) == 4
    rows = [f'{name.split("/")[0]},{name.split("/")[1]}' for name in NAMES]
    parts = prepare_folder(folder, tmp_path / 'out', table=table(tmp_path, 'class,file', rows))
    assert len(parts['test']) == 12
    given = ['train', 'val', 'test']
    rows = [f'{name},{name[:3]},{given[i % 3]}' for i, name in enumerate(NAMES)]
    parts = prepare_folder(folder, tmp_path / 'out', table=table(tmp_path, 'path,label,split', rows))
    assert [clip.path for clip in parts['val']] == [str(folder / name) for name in NAMES[1::3]]
    rows = [f'{folder / name},{name[:3]}' for name in NAMES]
    parts = prepare_folder('.', tmp_path / 'out', table=table(tmp_path, 'path,label', rows))
    assert len(parts['train']) == 36


@pytest.mark.parametrize(
    ('header', 'rows', 'says'),
    [
        ('path,label', ['jump/no.mp4,a', 'jump/jump_g0_0.mp4,b'], '1 of 2 videos are not in .*: jump/no.mp4'),
        ('path,label', ['run/run_g0_0.mp4,a'] * 2, '1 videos stand in it twice: run/run_g0_0.mp4'),
        ('path,label', ['/no/a.mp4,a', 'run/run_g0_0.mp4,b'], '1 absolute paths do not exist, 1 are relative'),
        ('path,label', ['run/run_g0_0.mp4,'], 'line 2 has no label'),
        ('path,group', ['run/run_g0_0.mp4,1'], 'expected the columns path and label, .*; found path, group'),
        ('path,label', [], 'found no rows'),
        ('path,label,split', ['run/run_g0_0.mp4,a,dev'], "split 'dev', expected train, val, test"),
        ('path,label,split', ['run/run_g0_0.mp4,a,train'], 'the split column has no test row'),
        (
            'path,label,split',
            ['run/run_g0_0.mp4,a,train', 'run/run_g0_1.mp4,b,train', 'run/run_g0_2.mp4,a,test'],
            '1 of 2 classes have no clip in test: b',
        ),
        (
            'path,label,group,split',
            ['run/run_g0_0.mp4,a,p1,train', 'run/run_g0_1.mp4,a,p1,test'],
            '1 groups are in both train and test: p1',
        ),
    ],
)
def test_bad_tables(folder, tmp_path, header, rows, says):
    with pytest.raises(InputError, match=says) as error:
        prepare_folder(folder, tmp_path / 'out', table=table(tmp_path, header, rows))
    assert '\n' not in str(error.value)


def test_bad_folders_and_patterns(folder, tmp_path):
    with pytest.raises(InputError, match='no such table'):
        prepare_folder(folder, tmp_path / 'out', table=tmp_path / 'none.csv')
    with pytest.raises(InputError, match=r"'_g\(\\d\)_\(x\)': expected one bracket, it has 2"):
        prepare_folder(folder, tmp_path / 'out', group_pattern=r'_g(\d)_(x)')
    with pytest.raises(InputError, match=r"group pattern '.': "):
        prepare_folder(folder, tmp_path / 'out', group_pattern='(')
    with pytest.raises(InputError, match=r'matches 24 of 48 videos, not .*jump/jump_g0_0.mp4'):
        prepare_folder(folder, tmp_path / 'out', group_pattern=r'(run_g\d)')
    with pytest.raises(InputError, match='expected a sum below 1'):
        prepare_folder(folder, tmp_path / 'out', test_share=0.5, val_share=0.5)
    (folder / 'x.mp4').touch()
    with pytest.raises(InputError, match=r'1 videos lie in it directly, e.g. x.mp4'):
        prepare_folder(folder, tmp_path / 'out')


def test_a_split_that_leaves_a_class_out_says_what_to_do():
    clips = [Clip(f'{label}/{g}', label, f'{label}{g}') for label in 'ab' for g in range(3)]
    bad = next(s for s in range(100) if _fails(clips, s))
    with pytest.raises(InputError, match=r'seed \d+: 1 of 2 classes have no clip in \w+: .; seed (\d+) gives') as error:
        split_clips(clips, 0.5, 0, bad)
    good = int(str(error.value).rsplit('; seed ', 1)[1].split()[0])
    assert {clip.label for clip in split_clips(clips, 0.5, 0, good)['test']} == {'a', 'b'}
    with pytest.raises(InputError, match=r'class c has 1 group\(s\) and needs at least 2'):
        split_clips([*clips, Clip('c/0', 'c', 'c0')], 0.5, 0, 0)


def _fails(clips, seed):
    try:
        split_clips(clips, 0.5, 0, seed)
    except InputError:
        return True
    return False
