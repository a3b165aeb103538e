"""Your own folder or table: labels, groups, splits and refused input."""

import os
import shutil
from collections import Counter

import cv2
import numpy as np
import pytest
from conftest import write_video

from auxskd_mm.datasets import LabeledVideoDataset, UnlabeledVideoDataset
from auxskd_mm.datasets.packing import pack_videos
from auxskd_mm.datasets.preparation.group_split import Clip
from auxskd_mm.datasets.preparation.own_folder import group_by_pattern, prepare_folder, split_clips
from auxskd_mm.datasets.recordings import cuts
from auxskd_mm.datasets.stores import StoreSettings
from auxskd_mm.errors import InputError
from auxskd_mm.evaluation.linear_probe_metric import read_groups

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


def test_no_list_of_an_earlier_split_stays(folder, tmp_path):
    prepare_folder(folder, tmp_path / 'out', val_share=0.25)
    prepare_folder(folder, tmp_path / 'out', seed=1)
    assert not (tmp_path / 'out/val.txt').exists()


def test_the_pool_of_frame_folders_with_blanks_can_be_read(tmp_path):
    names = [f'{name}/{name} {i}' for name in ('jump', 'run') for i in range(4)]
    for name in names:
        (tmp_path / 'videos' / name).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / 'videos' / name / '1.png'), np.zeros((8, 8, 3), np.uint8))
    (tmp_path / 'videos' / 'jump' / 'a b.mp4').touch()
    parts = prepare_folder(tmp_path / 'videos', tmp_path / 'out', delimiter='\t')
    read = UnlabeledVideoDataset(tmp_path / 'out/pool.txt', lazy_init=True).load_data_list()
    assert [sample['filename'] for sample in read] == [clip.path for clip in parts['train']]


@pytest.mark.parametrize('absolute', [False, True])
def test_a_table_of_windows(tmp_path, absolute):
    """All windows of a recording are on one side, and the pool has none of a recording that is tested."""
    folder = tmp_path / 'videos'
    folder.mkdir()
    rows = []
    for name in 'abcd':
        path = write_video(folder / f'{name}.mp4', 30)
        rows += [
            f'"{path if absolute else name + ".avi"}#t={start},{start + 0.4}",{label}'
            for start, label in ((0, 'run'), (0.6, 'jump'))
        ]
    pool = [str(folder / f'{name}.mp4') for name in 'abcd']
    parts = prepare_folder(
        folder, tmp_path / 'out', table=table(tmp_path, 'path,label', rows), test_share=0.5, pool=pool
    )
    sides = {name: {clip.path.partition('#')[0] for clip in clips} for name, clips in parts.items()}
    assert {name: len(side) for name, side in sides.items()} == dict(train=2, test=2)
    assert not sides['train'] & sides['test']
    read = LabeledVideoDataset(tmp_path / 'out/train.txt', lazy_init=True).load_data_list()
    assert [sample['filename'] for sample in read] == [clip.path for clip in parts['train']]
    assert {clip.group for clip in parts['train']} == sides['train'] <= set(pool)
    assert len((tmp_path / 'out/pool.txt').read_text().splitlines()) == 4
    grouped = group_by_pattern(parts['train'], r'([^/]+)$', folder)
    assert {clip.group for clip in grouped} == {path.rpartition('/')[2] for path in sides['train']}
    name = rows[0].partition('#')[0]
    for row, says in (
        (f'{name}#t=9,9.4",run', r'line 2: .*a\.mp4 lasts 1\.2 s, but the window ends at 9\.4'),
        (f'{name}#t=0,5",jump', r'line 2: .*a\.mp4 lasts 1\.2 s, but the window ends at 5'),
        (f'{name}#t=0,0,0,4",run', r'a\.\w+#t=0,0,0,4: expected #t=START,END in seconds'),
        (f'{name}#t=0.5",', r'a\.\w+#t=0\.5: expected #t=START,END in seconds'),
        (
            f'{name}",run',
            r'a\.mp4 has the label run, and its window .*a\.mp4#t=0\.6,1 has jump; a moment has one class',
        ),
    ):
        with pytest.raises(InputError, match=rf'^\S+\.csv: .*{says}') as error:
            prepare_folder(folder, tmp_path / 'out', table=table(tmp_path, 'path,label', [row, *rows[1:]]))
        assert '\n' not in str(error.value)
    grouped = [f'{row},{i}' for i, row in enumerate(rows)]
    grouped[1] = grouped[1].replace('#t=0.6', '#t=0.3')
    grouped[0] = grouped[0].replace(',run,', ',jump,')
    with pytest.raises(InputError, match=r'#t=0,0\.4 and .*#t=0\.3,1 overlap and are of the groups 0 and 1'):
        prepare_folder(folder, tmp_path / 'out', table=table(tmp_path, 'path,label,group', grouped))


def test_a_recording_and_its_window_are_of_one_group_and_no_moment_is_listed_twice(tmp_path):
    for name in 'abcd':
        (tmp_path / 'videos').mkdir(exist_ok=True)
        write_video(tmp_path / 'videos' / f'{name}.mp4', 50)
    rows = [f'{name}.mp4,{label},{name}' for name, label in zip('abcd', ('run', 'jump', 'run', 'jump'))]
    rows += [f'"{name}.mp4#t=0.5,1.5",{label},{name}' for name, label in zip('ca', ('', 'run'))]
    options = dict(window=0.5, test_share=0.5)
    parts = prepare_folder(
        tmp_path / 'videos', tmp_path / 'out', table=table(tmp_path, 'path,label,group', rows), **options
    )
    for clips in parts.values():
        names = [clip.path for clip in clips]
        assert len(names) == len({*names}) == 8
    pool = (tmp_path / 'out/pool.txt').read_text().splitlines()
    assert len(pool) == len({*pool}) == 8
    rows[-1] = rows[-1].replace(',a', ',other')
    with pytest.raises(
        InputError, match=r'a\.mp4 is of the group a, and its window .*a\.mp4#t=0\.5,1\.5 of other; they may'
    ):
        prepare_folder(
            tmp_path / 'videos', tmp_path / 'out', table=table(tmp_path, 'path,label,group', rows), **options
        )


def test_a_class_of_short_shots_is_named(tmp_path, monkeypatch):
    """It was left out of all lists, and of classes.txt, without a word."""
    for name in [f'{label}/{i}.mp4' for label in ('jump', 'run') for i in range(4)]:
        (tmp_path / 'videos' / name).parent.mkdir(parents=True, exist_ok=True)
        write_video(tmp_path / 'videos' / name, num_frames=50)
    monkeypatch.setattr(cuts, 'find_cuts', lambda path, fps: [0.5, 1.0, 1.5] * ('/jump/' in path))
    options = dict(window=1.0, split_at_cuts=True)
    with pytest.raises(
        InputError, match=r'videos: no shot of 1 classes in train is as long as window=1 s: jump; lower'
    ):
        prepare_folder(tmp_path / 'videos', tmp_path / 'out', **options)
    assert not (tmp_path / 'out' / 'train.txt').exists()
    parts = prepare_folder(tmp_path / 'videos', tmp_path / 'out', **dict(options, window=0.5))
    assert Counter(clip.label for clip in parts['train']) == dict(jump=12, run=12)


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
        (
            'path,label',
            ['/no/a.mp4,a', 'run/run_g0_0.mp4,b'],
            '/no/a.mp4 is an absolute path and run/run_g0_0.mp4 is not',
        ),
        ('path,label', ['/no/a.mp4,a', '/dev/null,b'], '1 of 2 videos are not there: /no/a.mp4'),
        ('path,label', ['run/run_g0_0.mp4,'], 'none of its 1 videos has a label'),
        ('path,label,group', ['run/run_g0_0.mp4,,'], 'line 2 has no group'),
        ('path,label,group', ['run/run_g0_0.mp4,a,'], 'line 2 has no group'),
        ('class,file', [',run_g0_0.mp4'], 'line 2 has no class'),
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


def straddles(parts):
    groups = [{clip.group for clip in clips} for clips in parts.values()]
    return any(one & other for i, one in enumerate(groups) for other in groups[i + 1 :])


@pytest.mark.parametrize(
    ('classes', 'clips_each', 'held'), [(10, 4, [1]), (20, 10, [2, 3]), (2, 2, [1]), (101, 3, [1])]
)
def test_few_clips_of_many_classes_are_split_for_every_seed(classes, clips_each, held):
    clips = [Clip(f'{c}/{i}', f'class{c:03d}', f'{c}/{i}') for c in range(classes) for i in range(clips_each)]
    found = set()
    for seed in range(10):
        parts = split_clips(clips, 0.25, 0, seed)
        counts = Counter(clip.label for clip in parts['test'])
        assert len(counts) == classes
        assert set(counts.values()) <= set(held)
        assert sorted(parts['train'] + parts['test']) == sorted(clips)
        found.add(tuple(parts['test']))
    assert split_clips(clips[::-1], 0.25, 0, 3)['test'][::-1] == split_clips(clips, 0.25, 0, 3)['test']
    assert len(found) == 10 or classes == 2 < len(found)


def test_three_parts_of_speakers_that_say_several_words():
    clips = [
        Clip(f'{s}/{w}/{k}', f'w{w}', f's{s}') for s in range(9) for w in range(5) for k in range(2) if (s + w) % 3
    ]
    for seed in range(10):
        parts = split_clips(clips, 0.2, 0.2, seed)
        assert not straddles(parts)
        assert all({clip.label for clip in part} == {f'w{w}' for w in range(5)} for part in parts.values())


def test_the_reason_when_there_is_no_split():
    clips = [Clip(f'{label}/{g}', label, f'{label}{g}') for label in 'ab' for g in range(3)]
    with pytest.raises(
        InputError, match=r'class c has 1 group\(s\) and needs at least 2, one for each part: leave it out'
    ):
        split_clips([*clips, Clip('c/0', 'c', 'c0')], 0.5, 0, 0)
    # Three words that share three speakers in pairs: whichever two are on one side, they hold all of one word.
    pairs = [Clip(f'{w}/{s}', w, s) for w, both in dict(p='xy', q='yz', r='xz').items() for s in both]
    with pytest.raises(
        InputError, match='no division by group has every class in each of 2 parts: the classes p, q, r '
    ):
        split_clips([*clips, *pairs], 0.5, 0, 0)


def test_a_table_in_another_encoding(folder, tmp_path):
    rows = [f'{name},' + ('caf\xe9' if name[0] == 'j' else 'th\xe9') for name in NAMES]
    path = tmp_path / 'my.csv'
    path.write_bytes('\n'.join(['path,label', *rows]).encode('cp1252'))
    with pytest.raises(InputError, match=r'my\.csv: line 2 is not UTF-8 \(byte 0xe9\); save the file as UTF-8'):
        prepare_folder(folder, tmp_path / 'out', table=path)
    prepare_folder(folder, tmp_path / 'out', table=path, encoding='cp1252')
    assert (tmp_path / 'out/classes.txt').read_bytes().decode('utf-8') == 'caf\xe9\nth\xe9\n'
    with pytest.raises(InputError, match="encoding 'utf-9': unknown"):
        prepare_folder(folder, tmp_path / 'out', table=path, encoding='utf-9')


@pytest.mark.parametrize(
    ('content', 'says'),
    [
        (b'path,label\njump/jump_g0_0.mp4,a,x\n', r'line 2 has 3 values, the header has 2 \(path, label\)'),
        (b'path,label\n\njump/jump_g0_0.mp4\n', r'line 3 has 1 values, the header has 2'),
        (b'path,label,label\na,b,c\n', 'two columns have one name: path, label, label'),
        (b'path,label\n"jump/jump_g0_0.mp4,a\n', r'line 2 is not CSV \(unexpected end of data\)'),
        ('path,label\na,b\n'.encode('utf-16'), r'line 1 is not UTF-8 \(byte 0xff\)'),
        (b'', 'found no rows'),
    ],
)
def test_rows_that_do_not_fit_the_header(folder, tmp_path, content, says):
    path = tmp_path / 'my.csv'
    path.write_bytes(content)
    with pytest.raises(InputError, match=says) as error:
        prepare_folder(folder, tmp_path / 'out', table=path)
    assert '\n' not in str(error.value)


def test_a_table_of_a_spreadsheet_with_semicolons_blanks_and_a_byte_order_mark(folder, tmp_path):
    path = tmp_path / 'my.csv'
    path.write_bytes(b'\xef\xbb\xbfpath; label\r\n' + b''.join(f' {name} ; {name[:3]} \r\n'.encode() for name in NAMES))
    parts = prepare_folder(folder, tmp_path / 'out', table=path)
    assert {clip.label for clip in parts['train']} == {'jum', 'run'}


def test_names_that_are_no_utf8_are_written_byte_for_byte(folder, tmp_path):
    for name in NAMES:
        odd = os.fsencode(folder / name).replace(b'_g', b'_\xe9')
        os.rename(folder / name, odd)
    prepare_folder(folder, tmp_path / 'out', group_pattern=r'\udce9(\d)_')
    rows = (tmp_path / 'out/test.txt').read_bytes().splitlines()
    assert rows
    assert all(os.path.exists(row.rsplit(b' ', 1)[0]) for row in rows)
    assert LabeledVideoDataset(tmp_path / 'out/test.txt', lazy_init=True).load_data_list()[0][
        'filename'
    ] == os.fsdecode(rows[0].rsplit(b' ', 1)[0])
    groups = read_groups(tmp_path / 'out/groups.csv')
    assert all(os.fsdecode(row.rsplit(b' ', 1)[0]) in groups for row in rows)


@pytest.mark.parametrize('share', [float('nan'), -0.1, 0.0])
def test_shares_and_seeds_that_are_none(share):
    clips = [Clip(f'{label}/{i}', label, f'{label}{i}') for label in 'ab' for i in range(4)]
    with pytest.raises(InputError, match='expected a test_share above 0'):
        split_clips(clips, share, 0, 0)
    with pytest.raises(InputError, match='seed=-1: expected a whole number from 0 on'):
        split_clips(clips, 0.25, 0, -1)


def test_one_video_under_two_names_of_a_table(folder, tmp_path):
    path = min(folder.rglob('*.mp4')).relative_to(folder)
    for name in (f'./{path}', path.with_suffix('')):
        (tmp_path / 't.csv').write_text(f'path,label\n{path},a\n{name},b\n')
        with pytest.raises(InputError, match=f'{path} and {name} are the same video'):
            prepare_folder(folder, tmp_path / 'lists', table=tmp_path / 't.csv')


def test_a_pool_of_everything_holds_no_test_clip_and_no_clip_twice(folder, tmp_path):
    (folder / 'more').mkdir()
    (folder / 'more' / 'x.mp4').touch()
    pool = [str(folder / name) for name in (*NAMES, 'more/x.mp4')]
    (tmp_path / 'link').symlink_to(folder)
    pool.append(str(tmp_path / 'link' / NAMES[0]))
    table = tmp_path / 'table.csv'
    table.write_text('path,label\n' + ''.join(f'{name},{name[:1]}\n' for name in NAMES))
    parts = prepare_folder(folder, tmp_path / 'out', table=table, val_share=0.25, pool=pool)
    lines = (tmp_path / 'out/pool.txt').read_text().splitlines()
    assert sorted(lines) == sorted([*(clip.path for clip in parts['train']), str(folder / 'more/x.mp4')])


def test_classes_that_differ_by_case_are_named(folder, tmp_path):
    said = []
    (folder / 'jump').rename(folder / 'Run')
    prepare_folder(folder, tmp_path / 'out', say=said.append)
    assert said == ['classes Run and run differ by case alone: if they are one class, spell it in one way']


def test_a_pool_that_is_a_store_holds_no_copy_of_a_clip(tmp_path):
    """The test clips were pretrained on by their names in the store."""
    for name in (*(f'{c}/{i}.mp4' for c in 'ab' for i in range(2)), 'more/x.mp4'):
        (tmp_path / 'videos' / name).parent.mkdir(parents=True, exist_ok=True)
        write_video(tmp_path / 'videos' / name, 4)
    store = str(tmp_path / 'store')
    pack_videos(store, UnlabeledVideoDataset(tmp_path / 'videos').source_videos(), StoreSettings('raw', short_side=16))
    shutil.rmtree(tmp_path / 'videos/more')
    pool = [info['filename'] for info in UnlabeledVideoDataset(store, lazy_init=True).load_data_list()]
    assert len(pool) == 5
    parts = prepare_folder(tmp_path / 'videos', tmp_path / 'out', test_share=0.5, pool=pool)
    lines = (tmp_path / 'out/pool.txt').read_text().splitlines()
    assert sorted(lines) == sorted([*(clip.path for clip in parts['train']), f'{store}/more/x.mp4'])


def test_a_bracket_that_takes_no_part_in_a_match_is_no_group(folder, tmp_path):
    with pytest.raises(InputError, match=r'matches 24 of 48 videos, not .*run'):
        prepare_folder(folder, tmp_path / 'out', group_pattern=r'/jump_(g\d)_|/run_')


def test_one_video_under_two_absolute_paths_is_refused(folder, tmp_path):
    """It could be in training and in test."""
    table = tmp_path / 'table.csv'
    rows = [f'{folder}/{name},{name[:1]}\n' for name in NAMES]
    table.write_text(''.join(['path,label\n', *rows, f'{folder}/../videos/{NAMES[0]},j\n']))
    with pytest.raises(InputError, match=r'are the same video'):
        prepare_folder(folder, tmp_path / 'out', table=table)


@pytest.mark.parametrize('pattern', [None, r'_g(\d)_'])
def test_rows_without_a_label_join_the_pool_unless_their_group_is_held_out(folder, tmp_path, pattern):
    """Of each group, the third video has no label; the pool is the whole folder again, and groups 8 and one of the test."""
    rows = [f'{name},{"" if name[-5] == "2" else name[:3]},{name[-7]}' for name in NAMES]
    header = 'path,label,group'
    if pattern:
        rows, header = [row.rpartition(',')[0] for row in rows], 'path,label'
    said: list[str] = []
    split = dict(group_pattern=pattern, val_share=0.25, seed=3, say=said.append)
    parts = prepare_folder(folder, tmp_path / 'out', table=table(tmp_path, header, rows), **split)
    held = {clip.group for name in ('val', 'test') for clip in parts[name]}
    more = [str(folder / 'more' / f'x_g{group}_0.mp4') for group in (8, sorted(held)[0])]
    pool = [*(str(folder / name) for name in NAMES), *more]
    prepare_folder(folder, tmp_path / 'out', table=table(tmp_path, header, rows), pool=pool, **split)
    lines = (tmp_path / 'out/pool.txt').read_text().splitlines()
    free = [str(folder / name) for name in NAMES if name[-7] not in held]
    assert len(free) == 24
    assert sorted(lines) == sorted([*free, *(more[:1] if pattern else more)])
    assert '16 of 48 videos have no label, such as' in said[0]
    assert all(clip.path[-5] != '2' for part in parts.values() for clip in part)


def test_a_row_that_is_to_be_tested_waits_for_its_label_outside_the_pool(folder, tmp_path):
    splits = ['train', 'test', '']
    rows = [f'{name},{"" if i % 6 > 2 or i % 3 == 2 else name[:3]},{splits[i % 3]}' for i, name in enumerate(NAMES)]
    parts = prepare_folder(folder, tmp_path / 'out', table=table(tmp_path, 'path,label,split', rows))
    assert [clip.path for clip in parts['test']] == [str(folder / name) for name in NAMES[1::6]]
    pool = (tmp_path / 'out/pool.txt').read_text().splitlines()
    assert sorted(pool) == sorted(str(folder / name) for i, name in enumerate(NAMES) if i % 3 != 1)
    with pytest.raises(InputError, match=r'line 2 has no split'):
        prepare_folder(folder, tmp_path / 'out', table=table(tmp_path, 'path,label,split', [rows[0][:-5], *rows[1:]]))
