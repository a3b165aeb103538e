"""Labels and groups are found in folders and tables; what does not fit is named, and nothing is lost silently."""

import pytest
from conftest import write_video
from made_up_rows import videos

from auxskd_mm.datasets.packing import pack_videos
from auxskd_mm.datasets.preparation.video_check import VideoReport
from auxskd_mm.datasets.recordings import cuts
from auxskd_mm.datasets.recordings.expand import Windows
from auxskd_mm.datasets.stores import SourceVideo, StoreSettings
from auxskd_mm.errors import InputError
from auxskd_mm.own_videos.checks import usable
from auxskd_mm.own_videos.videos import Found, Video, find_videos, without_small_classes


@pytest.fixture
def folder(tmp_path):
    for name in ('a/1.mp4', 'a/2.mp4', 'b/1.mp4', 'b/s2 x.mp4', 'free.mp4'):
        path = tmp_path / 'mine' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'video')
    return tmp_path / 'mine'


def table(folder, text):
    path = folder.parent / 'table.csv'
    path.write_text(text)
    return path


def labels_of(found):
    return {video.name: video.label for video in found.videos}


def test_class_folders_give_labels_and_other_videos_join_the_pool(folder):
    said = []
    found = find_videos(folder, say=said.append)
    assert labels_of(found) == {'a/1.mp4': 'a', 'a/2.mp4': 'a', 'b/1.mp4': 'b', 'b/s2 x.mp4': 'b', 'free.mp4': None}
    assert not found.grouped
    assert any('free.mp4' in line and 'pretraining only' in line for line in said)


def test_a_table_labels_some_videos_and_names_the_missing(folder):
    said = []
    rows = f'path,label\na/1.mp4,x\n{folder}/b/1.mp4,y\nfree.mp4,x\ngone.mp4,y\na/2.mp4,\n'
    found = find_videos(folder, table(folder, rows), say=said.append)
    assert labels_of(found) == {'a/1.mp4': 'x', 'a/2.mp4': None, 'b/1.mp4': 'y', 'b/s2 x.mp4': None, 'free.mp4': 'x'}
    assert any('1 of 5 videos do not exist' in line and 'gone.mp4' in line for line in said)


def test_absolute_paths_are_found_through_a_link_to_the_folder(folder, tmp_path, monkeypatch):
    (tmp_path / 'link').symlink_to(folder)
    monkeypatch.chdir(tmp_path)
    rows = table(folder, f'path,label\n{tmp_path}/link/a/1.mp4,x\n{folder}/b/1.mp4,y\n')
    for given in (tmp_path / 'link', 'link'):
        found = find_videos(given, rows, say=pytest.fail)
        assert {video.name: video.label for video in found.labeled} == {'a/1.mp4': 'x', 'b/1.mp4': 'y'}


def test_labels_csv_is_found_only_beside_videos_without_folders(folder, tmp_path):
    (folder / 'labels.csv').write_text('path,label\na/1.mp4,z\n')
    assert labels_of(find_videos(folder, say=str))['a/1.mp4'] == 'a'
    flat = tmp_path / 'flat'
    flat.mkdir()
    for name in '123':
        (flat / f'{name}.mp4').write_bytes(b'video')
    (flat / 'labels.csv').write_text('path,label\n1.mp4,z\n2.mp4,y\n')
    assert labels_of(find_videos(flat, say=str)) == {'1.mp4': 'z', '2.mp4': 'y', '3.mp4': None}


def test_groups_of_a_table_and_of_a_pattern(folder):
    said = []
    groups = table(folder, 'class,file,group\na,1.mp4,g1\na,2.mp4,g2\nb,1.mp4,g1\n')
    found = find_videos(folder, groups=groups, say=said.append)
    assert {v.name: v.group for v in found.labeled} == {
        'a/1.mp4': 'g1', 'a/2.mp4': 'g2', 'b/1.mp4': 'g1', 'b/s2 x.mp4': 'b/s2 x.mp4',
    }  # fmt: skip
    assert any('1 labelled videos have no group' in line for line in said)
    (folder / 'free 2.mp4').write_bytes(b'video')
    found = find_videos(folder, pattern=r'(\d)', say=str)
    assert {video.name: video.group for video in found.videos if video.label is None} == {
        'free.mp4': '4',
        'free 2.mp4': '2',  # it must not be pretrained on where group 2 is tested
    }
    assert {v.name: v.group for v in found.labeled}['b/s2 x.mp4'] == '2'


@pytest.mark.parametrize(
    ('rows', 'options', 'says'),
    [
        ('path,label\nx.mp4,a\ny.mp4,b\n', {}, r'none of its 2 videos is in'),
        ('path,kind\na/1.mp4,a\n', {}, r'expected the columns path,label'),
        ('path,label\na/1.mp4,a\na/1.mp4,b\n', {}, r'line 3 gives a/1.mp4 the label b, another line a'),
        ('path,label\na/1.mp4,\n', {}, r'no video has a label.*select_to_label'),
        (None, dict(pattern='('), r'group pattern'),
        (None, dict(pattern='x(9)'), r'matches 0 of 4'),
        (None, dict(pattern='(1)', groups='g.csv'), r'give one of them'),
        (None, dict(groups='gone.csv'), r'gone.csv: no such table'),
    ],
)
def test_what_cannot_be_used_is_one_line(folder, rows, options, says):
    labels = table(folder, rows) if rows else None
    with pytest.raises(InputError, match=says) as error:
        find_videos(folder, labels, say=str, **options)
    assert '\n' not in str(error.value)


def test_a_row_of_two_files_is_named_by_its_line(folder):
    (folder / 'a' / '1.avi').write_bytes(b'video')
    with pytest.raises(InputError, match=r'table.csv: line 3: a/1 may be a/1.avi or a/1.mp4 in'):
        find_videos(folder, table(folder, 'path,label\na/2.mp4,a\na/1,b\n'), say=str)


def test_a_class_with_one_clip_is_left_out_by_name():
    found = videos(classes=3, groups=4)
    rare = [v for v in found.videos if v.label != 'c2' or v.name.endswith('g0_0.mp4')]
    said = []
    kept = without_small_classes(type(found)(rare, True), 3, said.append)
    assert kept.classes == ['c0', 'c1']
    assert len(kept.videos) == len(rare)
    assert said == ['class c2 has 1 clip(s) of 1 group(s) and needs 3: left out']


@pytest.mark.parametrize(
    ('found', 'says'),
    [
        (videos(classes=1), 'all labelled videos are of one class, c0'),
        (videos(classes=2, groups=1), 'all labelled videos are of one group'),
        (type(videos())(videos(classes=2, groups=2, each=1).videos, False), 'fewer than two classes have 3 clips'),
    ],
)
def test_what_can_never_be_told_apart_is_one_line(found, says):
    with pytest.raises(InputError, match=says):
        without_small_classes(found, 3)


def reports(found, **changes):
    made = {v.name: VideoReport(v.path, 'ok', frames=20, digest=v.name) for v in found.videos}
    for name, report in changes.items():
        made[name] = report
    return made


def test_broken_and_double_videos_are_left_out_and_named():
    found = videos(classes=2, groups=3, each=2, unlabeled=2)
    names = [video.name for video in found.videos]
    made = reports(found)
    made[names[0]] = made[names[0]]._replace(status='bad', reason='nothing can be decoded')
    double = ['c0/g1_0.mp4', 'c0/g1_1.mp4']  # one content, one label
    unclear = ['c0/g2_0.mp4', 'c1/g2_0.mp4']  # one content, two labels
    mixed = ['c1/g0_0.mp4', 'pool/0.mp4']  # a labelled one stays
    for pair in (double, unclear, mixed):
        for name in pair:
            made[name] = made[name]._replace(digest=pair[0])
    said = []
    kept = {video.name for video in usable(found, made, said.append).videos}
    assert set(names) - kept == {names[0], double[1], *unclear, mixed[1]}
    text = '\n'.join(said)
    assert 'nothing can be decoded' in text
    assert '2 videos have the content of another and are left out' in text
    assert '2 videos have the content of another with another label; all are left out' in text


def test_classes_that_differ_by_case_are_named_and_absolute_paths_may_go_through_a_link(folder):
    link, said = folder.parent / 'link', []
    link.symlink_to(folder)
    rows = [('a/1.mp4', 'Serve'), ('a/2.mp4', 'serve'), ('b/1.mp4', 'rally')]
    made = table(folder, 'path,label\n' + ''.join(f'{link}/{name},{label}\n' for name, label in rows))
    assert labels_of(find_videos(folder, made, say=said.append)) == {**dict(rows), 'b/s2 x.mp4': None, 'free.mp4': None}
    assert said == ['classes Serve and serve differ by case alone: if they are one class, spell it in one way']


def test_a_store_is_no_folder_of_videos(tmp_path):
    """The line spoke of a check of the store."""
    (tmp_path / 'store').mkdir()
    write_video(tmp_path / 'a.mp4', 4)
    pack_videos(
        tmp_path / 'store', [SourceVideo(str(tmp_path / 'a.mp4'), 'a.mp4')], StoreSettings('raw', short_side=16)
    )
    with pytest.raises(InputError, match='store: is a store; give the folder of the videos that it was packed from'):
        find_videos(tmp_path / 'store')


@pytest.mark.parametrize(
    ('groups', 'expected'),
    [
        (dict(b='ada'), dict(a='ada')),  # the copy that goes has the group
        (dict(a='eve', b='ada'), dict(a='eve')),
        (dict(c='ada'), dict(a='a')),
        (dict(), dict(a='a')),
    ],
)
@pytest.mark.parametrize('window', ['', '#t=0,1'])
def test_what_stays_of_copies_has_the_group_that_one_of_them_has(tmp_path, groups, expected, window):
    """It was a group of its own, so the other clips of the group could be on another side of a split."""
    for name, content in (('a', b'one'), ('b', b'one'), ('c', b'two')):
        (tmp_path / name).write_bytes(content)
    found = Found([Video(f'{n}{window}', str(tmp_path / f'{n}{window}'), 'x', groups.get(n, n)) for n in 'abc'], True)
    made = reports(found)
    if not window:  # the digest of a window is that of its path
        made['b'] = made['b']._replace(digest='a')
    kept = usable(found, made, lambda line: None)
    assert {v.name: v.group for v in kept.videos} == {
        f'{name}{window}': group for name, group in dict(expected, c=groups.get('c', 'c')).items()
    }


@pytest.mark.parametrize(
    ('labels', 'stay'),
    [
        (dict(), 'abc'),  # without windows, the digests of the reports tell
        ({'a#t=0,1': 'x', 'b#t=5,6': None, 'c#t=0,1': 'x'}, 'ac'),
        ({'a#t=0,1': 'x', 'b': None, 'c#t=0,1': 'x'}, 'ac'),
        ({'a#t=0,1': 'x', 'b#t=5,6': 'x', 'b#t=7,8': 'y', 'c#t=0,1': 'x'}, 'bc'),
        ({'a#t=0,1': None, 'b#t=5,6': None, 'c#t=5,6': 'x'}, 'ac'),
        ({'a#t=0,1': 'x', 'b#t=0.5,6': 'y', 'c#t=0,1': 'y'}, 'c'),
    ],
)
def test_windows_of_one_recording_of_two_names_stay_out_of_two_sides(tmp_path, labels, stay):
    """The digest of a window is that of a path: a copy was tested on, or pretrained on, where the other was learned from."""
    for name, content in (('a', b'one'), ('b', b'one'), ('c', b'two')):
        (tmp_path / f'{name}.mp4').write_bytes(content)
    named = labels or dict.fromkeys('abc', 'x')
    made = [
        Video(name, str(tmp_path / name), label, name.partition('#')[0])
        for one, label in named.items()
        for name in [f'{one[0]}.mp4{one[1:]}']
    ]
    found, said = Found(made, False), []
    kept = usable(found, reports(found), said.append)
    assert {video.name for video in kept.videos} == {video.name for video in made if video.name[0] in stay}
    assert len(said) == (stay != 'abc')


def test_a_bracket_that_takes_no_part_in_a_match_leaves_an_unlabelled_video_alone(folder):
    found = find_videos(folder, pattern=r'/[ab]/(.)|/free', say=lambda line: None)
    assert {video.name: video.group for video in found.videos if video.label is None} == {'free.mp4': 'free.mp4'}


@pytest.fixture
def recordings(tmp_path):
    """``a.mp4``, ``b.mp4`` and ``pool/c d.mp4`` of 2 seconds each."""
    for name in ('a.mp4', 'b.mp4', 'pool/c d.mp4'):
        path = tmp_path / 'mine' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_video(path, 50, (32, 32))
    return tmp_path / 'mine'


ROWS = 'path,label\n"a.mp4#t=0.50,1",run\n"a.mp4#t=1.2,1.7",jump\n"b.mp4#t=0,0.5",run\n"b.mp4#t=1,1.5",\n'


def test_a_table_names_windows_and_a_recording_is_the_group_of_its_windows(recordings):
    said = []
    found = find_videos(recordings, table(recordings, ROWS), say=said.append)
    assert labels_of(found) == {
        'a.mp4#t=0.5,1': 'run', 'a.mp4#t=1.2,1.7': 'jump', 'b.mp4#t=0,0.5': 'run', 'b.mp4#t=1,1.5': None, 'pool/c d.mp4': None,
    }  # fmt: skip
    assert {video.name.partition('#')[0] for video in found.videos} == {video.group for video in found.videos}
    assert (found.grouped, found.units) == (False, 'recordings')
    assert said[0].startswith('2 recordings are used in the windows that have a row only')


def test_the_rest_of_recordings_is_divided_where_no_row_is(recordings):
    """Windows of 0.6 s start at 0, 0.6 and 1.2. Of a, the rows 0.5 to 1 and 1.2 to 1.7 leave none; of b, 0 to 0.5 and 1 to 1.5."""
    said = []
    found = find_videos(recordings, table(recordings, ROWS), windows=Windows(0.6), say=said.append)
    rest = ['pool/c d.mp4#t=0,0.6', 'pool/c d.mp4#t=0.6,1.2', 'pool/c d.mp4#t=1.2,1.8']
    rows = ['a.mp4#t=0.5,1', 'a.mp4#t=1.2,1.7', 'b.mp4#t=0,0.5', 'b.mp4#t=1,1.5']
    assert [video.name for video in found.videos] == sorted([*rows, *rest])
    assert said == ['3 recordings are divided into 3 windows of 0.6 s, beside 4 that have a row']
    finer = find_videos(recordings, table(recordings, ROWS), windows=Windows(0.25), say=said.append)
    kept = {video.name for video in finer.videos if video.name.startswith('b.')}
    assert kept == {
        'b.mp4#t=0,0.5',
        'b.mp4#t=1,1.5',
        *(f'b.mp4#t={t}' for t in ('0.5,0.75', '0.75,1', '1.5,1.75', '1.75,2')),
    }


def test_recordings_in_class_folders_give_their_label_and_group_to_windows(recordings):
    for name in 'ab':
        (recordings / f'class {name}').mkdir()
        (recordings / f'{name}.mp4').rename(recordings / f'class {name}' / f'{name}.mp4')
    (recordings / 'groups.csv').write_text('path,group\nclass a/a.mp4,p1\nclass b/b.mp4,p2\n')
    found = find_videos(recordings, windows=Windows(1.0), say=str)
    assert {(v.name, v.label, v.group) for v in found.videos if v.label != 'pool'} == {
        (f'class {name}/{name}.mp4#t={t},{t + 1}', f'class {name}', f'p{1 + (name == "b")}')
        for name in 'ab'
        for t in (0, 1)
    }
    found = find_videos(recordings, pattern=r'([a-d])\.mp4$', windows=Windows(1.0), say=str)
    assert {video.group for video in found.videos} == set('abd')


@pytest.mark.parametrize(
    ('rows', 'seconds', 'says'),
    [
        (
            '"a.mp4#t=0,1",x\n"a.mp4#t=0.9,1.5",y\n',
            None,
            'a.mp4#t=0,1 and a.mp4#t=0.9,1.5 overlap and have the labels x and y',
        ),
        ('"a.mp4#t=0,1",x\n"a.mp4#t=0,1.0",y\n', None, 'line 3 gives a.mp4#t=0,1 the label y, another line x'),
        ('b.mp4,y\n"a.mp4#t=0,9",x\n', None, r'table.csv: line 3: .*a.mp4 lasts 2 s, but the window ends at 9'),
        ('"a.mp4#t=2,1",x\n', None, r'table.csv: line 2: a.mp4#t=2,1: start 2 is not before end 1'),
        ('"a#t=0,5,1,5",x\nb.mp4,y\n', None, r'table.csv: line 2: a#t=0,5,1,5: expected #t=START,END in seconds'),
        ('b.mp4,y\na.mp4#t=1,x\n', None, r'table.csv: line 3: a.mp4#t=1: expected #t=START,END'),
        ('a.mp4,x\nb.mp4,y\n', 3.0, r'lasts 2 s, less than window=3 \(all 3 are shorter\)'),
        ('a.mp4,x\nb.mp4,y\n', -1.0, r'own_videos.window=-1.0: expected seconds above 0'),
    ],
)
def test_a_wrong_window_is_one_line(recordings, rows, seconds, says):
    with pytest.raises(InputError, match=says) as error:
        find_videos(recordings, table(recordings, f'path,label\n{rows}'), windows=Windows(seconds), say=str)
    assert '\n' not in str(error.value)


def test_what_is_shorter_than_a_window_stays_whole_unless_a_row_names_a_part_of_it(recordings):
    write_video(recordings / 'b.mp4', 100, (32, 32))
    rows, said = table(recordings, 'path,label\n"a.mp4#t=0.50,1",run\nb.mp4,jump\n'), []
    found = find_videos(recordings, rows, windows=Windows(3.0), say=said.append)
    assert [video.name for video in found.videos] == ['a.mp4#t=0.5,1', 'b.mp4#t=0,3', 'pool/c d.mp4']
    assert '1 of them are shorter, or cannot be read: not divided, such as pool/c d.mp4' in said


def test_a_class_of_short_shots_is_named(recordings, monkeypatch):
    monkeypatch.setattr(cuts, 'find_cuts', lambda path, fps: [0.5, 1.0, 1.5] * path.endswith('a.mp4'))
    rows, said = table(recordings, 'path,label\na.mp4,x\nb.mp4,y\n'), []
    found = find_videos(recordings, rows, windows=Windows(1.0, at_cuts=True), say=said.append)
    assert found.classes == ['y']
    assert 'class x has no window that can be used: left out' in said
    assert '1 labelled recordings have no shot between two cuts' in '\n'.join(said)


def test_all_windows_of_a_recording_are_of_its_one_group(recordings):
    """Those without a row, or without a group in their row, were a group of their own: learned from where the others are tested."""
    rows = 'path,label,group\n"a.mp4#t=0,0.5",run,p1\n"a.mp4#t=1,1.5",jump,\n"b.mp4#t=0,0.5",run,p1\n'
    found = find_videos(recordings, table(recordings, rows), windows=Windows(0.5), say=str)
    assert {video.name.partition('#')[0]: video.group for video in found.videos} == {
        'a.mp4': 'p1', 'b.mp4': 'p1', 'pool/c d.mp4': 'pool/c d.mp4',
    }  # fmt: skip
    assert len(found.videos) == 12
    assert len({video.group for video in found.videos}) == 2
    (recordings / 'groups.csv').write_text('path,group\n"a.mp4#t=0.0,0.50",p1\n"a.mp4#t=1,1.5",p2\n')
    two = find_videos(recordings, table(recordings, rows.replace('group', 'kind')), windows=Windows(0.5), say=str)
    assert {video.name[8:]: video.group for video in two.videos if video.name.startswith('a.')} == {
        '0,0.5': 'p1', '0.5,1': 'a.mp4', '1,1.5': 'p2', '1.5,2': 'a.mp4',
    }  # fmt: skip


def test_windows_that_overlap_have_one_group(recordings):
    rows = 'path,label,group\n"a.mp4#t=0,1",run,p1\n"a.mp4#t=0.9,1.5",run,p2\n"b.mp4#t=0,1",jump,p1\n'
    says = r'table.csv: a.mp4#t=0,1 and a.mp4#t=0.9,1.5 overlap and are of the groups p1 and p2'
    with pytest.raises(InputError, match=says):
        find_videos(recordings, table(recordings, rows), say=str)
    assert find_videos(recordings, table(recordings, rows.replace('0.9', '1.0')), say=str).grouped


def test_a_row_of_a_missing_recording_labels_no_other_of_its_name(recordings):
    """Its windows were taken from the recording of that name in another folder."""
    rows = 'path,label\n"pool/c d.mp4#t=0,1",x\n"day 2/c d.mp4#t=1,2",y\n"a.mp4#t=0,1",y\n"c d#t=1,1.5",x\n'
    said = []
    found = find_videos(recordings, table(recordings, rows), say=said.append)
    assert {video.name: video.label for video in found.labeled} == {
        'pool/c d.mp4#t=0,1': 'x', 'a.mp4#t=0,1': 'y', 'pool/c d.mp4#t=1,1.5': 'x',
    }  # fmt: skip
    assert '1 of 4 videos do not exist and are left out: day 2/c d.mp4#t=1,2' in said[0]


def test_a_label_of_a_whole_recording_beside_rows_of_its_windows_is_named(recordings):
    rows, said = table(recordings, 'path,label\na.mp4,rest\n"a.mp4#t=0,0.5",run\nb.mp4,run\n'), []
    found = find_videos(recordings, rows, say=said.append)
    assert labels_of(found) == {'a.mp4#t=0,0.5': 'run', 'b.mp4': 'run', 'pool/c d.mp4': None}
    assert '1 labelled recordings are used in the windows that have a row only, such as a.mp4' in said
    assert 'class rest has no window that can be used: left out' in said
    said.clear()
    found = find_videos(recordings, rows, windows=Windows(1.0), say=said.append)
    assert labels_of(found)['a.mp4#t=1,2'] == 'rest'
    assert len(said) == 1
