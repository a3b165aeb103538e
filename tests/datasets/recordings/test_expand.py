"""Long recordings as many samples: windows of files, folders and lists, for every sampler and every tool."""

import pickle
import re

import cv2
import numpy as np
import pytest
from conftest import counted_frame, read_count, write_video
from dot_scene import write_scene
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader

from auxskd_mm.datasets import LabeledVideoDataset, UnlabeledVideoDataset
from auxskd_mm.datasets.input_sources import as_samples
from auxskd_mm.datasets.packing import pack_videos
from auxskd_mm.datasets.preparation import prepare_folder
from auxskd_mm.datasets.preparation.video_check import check_videos
from auxskd_mm.datasets.readers import open_reader
from auxskd_mm.datasets.recordings import cuts, index_file, reader
from auxskd_mm.datasets.recordings.expand import Windows
from auxskd_mm.datasets.recordings.names import Window, split_window, window_path
from auxskd_mm.datasets.recordings.reader import frames_within
from auxskd_mm.datasets.stores import StoreSettings
from auxskd_mm.errors import InputError
from auxskd_mm.evaluation.feature_bank import entries_of
from auxskd_mm.evaluation.linear_probe_metric import GroupSource

SAMPLERS = [
    dict(type='auxskd_mm.SegmentPaceSample', clip_len=8, num_segments=2, num_speeds=2),
    dict(type='auxskd_mm.PaceSample', clip_len=4, paces=(1, 2)),
    dict(type='auxskd_mm.ClipOrderSample', clip_len=4, tuple_len=3, interval=1),
    dict(type='auxskd_mm.RelativeSpeedSample', clip_len=4),
    dict(type='auxskd_mm.TimedSampleFrames', clip_len=4, frame_interval=2, num_clips=2, test_mode=True),
]


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    """No index or container of an earlier test, and no cache of the user."""
    monkeypatch.delenv(index_file.FOLDERS, raising=False)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    index_file._OPEN.clear()
    reader._CONTAINERS.forget()


@pytest.fixture
def folder(tmp_path):
    """Two recordings of 4 s, one with a blank in its name, at 25 frames per second."""
    videos = tmp_path / 'videos'
    videos.mkdir()
    for name in ('match one.mp4', 'b.mp4'):
        write_video(videos / name, num_frames=100)
    return videos


def write_list(folder, text, name='list.txt'):
    (folder / name).write_text(text)
    return str(folder / name)


def marks(dataset):
    return [dataset.get_data_info(i)['filename'].rpartition('/')[2] for i in range(len(dataset))]


@pytest.mark.parametrize(
    ('window', 'stride', 'starts'),
    [(1, None, (0, 1, 2, 3)), (2.0, 1.0, (0, 1, 2)), (1.5, 1, (0, 1, 2)), (4, 0.5, (0,)), (0.1, 1.95, (0, 1.95, 3.9))],
)
def test_windows_of_a_folder(folder, window, stride, starts):
    dataset = UnlabeledVideoDataset(str(folder), window=window, stride=stride)
    wanted = [f'{start:g},{start + window:g}' for start in starts]
    assert marks(dataset) == [f'{name}#t={mark}' for name in ('b.mp4', 'match one.mp4') for mark in wanted]
    assert len(list((folder / '.frame_index').iterdir())) == 2
    assert len(UnlabeledVideoDataset(str(folder))) == 2  # the indexes are no videos, and are not reported as left out


def test_windows_of_lists_and_of_their_windows(folder):
    path = write_list(folder, '# recordings\n"match one" 0.0 2\nb.mp4 1 3.5\n')
    assert marks(UnlabeledVideoDataset(path)) == ['match one.mp4#t=0,2', 'b.mp4#t=1,3.5']
    divided = UnlabeledVideoDataset(path, window=1.0)
    assert marks(divided) == [
        'match one.mp4#t=0,1', 'match one.mp4#t=1,2', 'b.mp4#t=1,2', 'b.mp4#t=2,3',
    ]  # fmt: skip
    # Whole numbers, one line for each video: the duration shows what they are.
    assert marks(UnlabeledVideoDataset(write_list(folder, 'b.mp4 0 2\nmatch one.mp4 1 3\n')))[0] == 'b.mp4#t=0,2'
    labeled = LabeledVideoDataset(write_list(folder, 'b 0 2 1\nb 2 4 0\n'), window=1.0)
    assert [labeled.get_data_info(i)['label'] for i in range(4)] == [1, 1, 0, 0]
    assert marks(UnlabeledVideoDataset(f'{folder}/b.mp4#t=1,2')) == ['b.mp4#t=1,2']
    assert [sample['filename'] for sample in as_samples(f'{folder}/b.mp4#t=1,2')] == [f'{folder}/b.mp4#t=1,2']


@pytest.mark.parametrize(
    ('text', 'settings', 'says'),
    [
        ('b.mp4 0 2.5\nb.mp4 1 4.2\n', {}, 'list.txt: line 2: .*b.mp4 lasts 4 s, but the window ends at 4.2'),
        ('b.mp4 0 2.5\n\nb.mp4 1.5 1.5\n', {}, "list.txt: line 3 'b.mp4 1.5 1.5': start 1.5 is not before end 1.5"),
        ('b.mp4 0.01 0.02\n', {}, 'list.txt: line 1: .*no frame is shown from 0.01 to 0.02 s'),
        ('b.mp4\n"match one"\n', dict(window=9), 'list.txt: line 1: .*b.mp4 lasts 4 s, less than window=9 .all 2 '),
        ('b.mp4 0.0 1\nb.mp4 1 4\n', dict(window=4), 'line 1: .*b.mp4#t=0,1 lasts 1 s, less than window=4 .all 2 '),
        ('b.mp4\n', dict(stride=2), 'give window, too'),
        ('"match one.mp4"\nb.mp4#t=1,9\n', {}, 'list.txt: line 2: .*b.mp4 lasts 4 s, but the window ends at 9'),
        ('b.mp4\n', dict(window=float('inf')), 'window=inf: expected seconds above 0'),
        ('b.mp4\n', dict(split_at_cuts=True), 'give window, too'),
        ('b.mp4\n', dict(window=True), 'window=True: expected seconds above 0'),
        ('b.mp4\n', dict(window=1, stride=-1), 'stride=-1: expected seconds above 0'),
        ('b.mp4\n', dict(window=0), 'window=0: expected seconds above 0'),
        ('b.mp4\n', dict(window=float('nan')), 'window=nan: expected seconds above 0'),
    ],
)
def test_a_wrong_window_is_named_with_its_line(folder, text, settings, says):
    with pytest.raises(InputError, match=says) as error:
        UnlabeledVideoDataset(write_list(folder, text), **settings)
    assert '\n' not in str(error.value)


def test_what_is_shorter_than_a_window_stays_whole(folder, monkeypatch):
    short = write_list(folder, 'b.mp4 0.0 1\n"match one.mp4" 0 2\nb.mp4 1 4\n')
    dataset = UnlabeledVideoDataset(short, window=1.5)
    assert marks(dataset) == ['b.mp4#t=0,1', 'match one.mp4#t=0,1.5', 'b.mp4#t=1,2.5', 'b.mp4#t=2.5,4']
    monkeypatch.setattr(cuts, 'find_cuts', lambda path, fps: [])  # a shot that is too short is left out
    assert marks(UnlabeledVideoDataset(short, window=1.5, split_at_cuts=True)) == marks(dataset)[1:]


def test_a_folder_has_no_lines(folder):
    with pytest.raises(InputError, match=rf'^{folder}/b.mp4 lasts 4 s, less than window=9 .all 2 '):
        UnlabeledVideoDataset(str(folder), window=9)


def test_durations_of_other_programs_may_pass_the_end_a_little(folder):
    dataset = UnlabeledVideoDataset(write_list(folder, 'b.mp4 2.0 4.08\n'))
    assert open_reader(dataset.get_data_info(0)['filename']).num_frames == 50


@pytest.mark.parametrize('fps', [None, 12.0])
@pytest.mark.parametrize('sampler', SAMPLERS, ids=lambda sampler: sampler['type'].partition('.')[2])
def test_samplers_stay_inside_windows(folder, sampler, fps):
    pipeline = [dict(type='auxskd_mm.OpenVideo'), dict(sampler, fps=fps), dict(type='auxskd_mm.DecodeClips')]
    dataset = UnlabeledVideoDataset(str(folder / 'b.mp4'), pipeline=pipeline, window=1.2, stride=1.0)
    assert len(dataset) == 3
    for i, first in enumerate((0, 25, 50)):
        sample = dataset[i]
        shown = [read_count(image) for image in sample['imgs']]
        assert shown == [first + number for number in sample['frame_inds'].tolist()]
        assert min(shown) >= first
        assert max(shown) < first + 30
        assert sample['total_frames'] == 30


def test_workers_and_repeated_samples_read_the_same_frames(folder):
    pipeline = [
        dict(type='auxskd_mm.OpenVideo'),
        dict(type='auxskd_mm.SegmentPaceSample', clip_len=8, num_segments=2, num_speeds=2, seed=0),
        dict(type='auxskd_mm.DecodeClips'),
        dict(type='FormatShape', input_format='NCTHW'),
        dict(type='PackActionInputs', meta_keys=('filename',)),
    ]
    dataset = UnlabeledVideoDataset(str(folder), pipeline=pipeline, window=1.0, repeat=2)
    alone = [dataset[i]['inputs'] for i in range(len(dataset))]
    together = dataset.__getitems__([3, 11, 4, 12])  # two samples of a window are decoded together
    assert all((one['inputs'] == alone[i]).all() for one, i in zip(together, (3, 11, 4, 12)))
    loader = DataLoader(pickle.loads(pickle.dumps(dataset)), batch_size=4, num_workers=2, collate_fn=pseudo_collate)
    loaded = [clip for batch in loader for clip in batch['inputs']]
    assert all((a == b).all() for a, b in zip(loaded, alone))


def test_a_broken_recording_counts_as_one_bad_video(folder):
    (folder / 'broken.mp4').write_bytes(b'no video' * 100)
    pipeline = [dict(type='auxskd_mm.OpenVideo')]
    dataset = UnlabeledVideoDataset(str(folder), pipeline=pipeline, window=2.0, test_mode=True)
    assert len(dataset) == 5
    assert [dataset[i]['total_frames'] for i in range(5)] == [50] * 5
    assert dataset.bad_videos() == [str(folder / 'broken.mp4')]


def test_frame_folders_need_a_rate(tmp_path):
    frames = tmp_path / 'frames' / 'e'
    frames.mkdir(parents=True)
    for i in range(20):
        cv2.imwrite(str(frames / f'frame{i + 1:06}.jpg'), counted_frame(i))
    path = write_list(tmp_path, 'frames/e 0.5 1\n')
    with pytest.raises(InputError, match=r'list.txt: line 1: .*frames/e: has no frame rate.*source_fps'):
        UnlabeledVideoDataset(path)
    pipeline = [dict(type='auxskd_mm.OpenVideo', source_fps=10.0), dict(type='auxskd_mm.SegmentPaceSample', clip_len=4)]
    dataset = UnlabeledVideoDataset(path, pipeline=[*pipeline, dict(type='auxskd_mm.DecodeClips')])
    sample = dataset[0]
    assert [read_count(image) - 5 for image in sample['imgs']] == sample['frame_inds'].tolist()
    assert sample['total_frames'] == 5


@pytest.mark.parametrize('layout', ['mp4', 'raw'])
def test_a_recording_is_packed_window_by_window(folder, tmp_path, layout):
    dataset = UnlabeledVideoDataset(str(folder), window=1.0, stride=0.8)
    store = pack_videos(tmp_path / 'store', dataset.source_videos(), StoreSettings(layout))
    stored = UnlabeledVideoDataset(str(tmp_path / 'store'))
    assert marks(stored) == marks(dataset)
    assert [read_count(f) for f in open_reader(stored.get_data_info(1)['filename']).read([0, 24])] == [20, 44]
    assert store.changed_sources() == []
    # Windows of what is in a store: of whole videos, and of windows.
    named = write_list(tmp_path, 'match one.mp4#t=0.8,1.8\nb.mp4#t=0,1\n')
    inside = UnlabeledVideoDataset(named, str(tmp_path / 'store'), window=0.4)
    assert len(inside) == 4
    assert [read_count(f) for f in open_reader(inside.get_data_info(1)['filename']).read([0, 9])] == [30, 39]
    write_video(folder / 'b.mp4', num_frames=90)
    assert {path.rpartition('/')[2].partition('#')[0] for path in store.changed_sources()} == {'b.mp4'}


def test_windows_in_a_gap_are_left_out(tmp_path):
    """Of a camera that records changes only. Each was an unreadable video, and the run ended by max_bad_share."""
    path = write_scene(tmp_path / 'gap.mp4', [*range(0, 600, 20), *range(1800, 2400, 20)])
    dataset = UnlabeledVideoDataset(path, pipeline=[dict(type='auxskd_mm.OpenVideo')], window=0.5)
    assert [name.partition('#t=')[2] for name in marks(dataset)] == ['0,0.5', '0.5,1', '3,3.5', '3.5,4']
    assert [dataset[i]['total_frames'] for i in range(4)] == [15] * 4


def test_a_store_that_was_packed_anew_is_divided_anew(folder, tmp_path):
    for frames in (100, 150):
        write_video(folder / 'b.mp4', num_frames=frames)
        videos = UnlabeledVideoDataset(str(folder / 'b.mp4')).source_videos()
        pack_videos(tmp_path / 'store', videos, StoreSettings('mp4'))
        assert len(UnlabeledVideoDataset(str(tmp_path / 'store'), window=1.0)) == frames // 25


def test_windows_of_a_recording_are_on_one_side(tmp_path):
    for name in ('run/a', 'run/b', 'run/c', 'jump/d', 'jump/e', 'jump/f'):
        (tmp_path / 'videos' / name).parent.mkdir(parents=True, exist_ok=True)
        write_video(tmp_path / 'videos' / f'{name}.mp4', num_frames=50)
    parts = prepare_folder(tmp_path / 'videos', tmp_path / 'lists', test_share=0.34, window=1.0, stride=0.5)
    sides = {name: {clip.group for clip in clips} for name, clips in parts.items()}
    assert not sides['train'] & sides['test']
    assert len(sides['train'] | sides['test']) == 6
    assert {name: len(clips) for name, clips in parts.items()} == {n: 3 * len(groups) for n, groups in sides.items()}
    dataset = LabeledVideoDataset(str(tmp_path / 'lists' / 'train.txt'))
    assert marks(dataset) == [clip.path.rpartition('/')[2] for clip in parts['train']]
    assert len(UnlabeledVideoDataset(str(tmp_path / 'lists' / 'pool.txt'))) == len(dataset)


def test_the_probe_keeps_windows_of_a_recording_together():
    names = ['a.mp4#t=0,1', 'a.mp4#t=1,2', 'b.mp4']
    assert GroupSource(None, None, 'probe').of(names) == ['a.mp4', 'a.mp4', 'b.mp4']
    assert GroupSource(None, None, 'probe').of(['a.mp4', 'b.mp4']) is None
    for pattern in (r'([ab])\.mp4$', r'^(a)\.mp4$', r'([^/]+)$'):  # of the names of files, as for prepare_folder.py
        groups = GroupSource(pattern, None, 'probe').of(names)
        assert groups[0] == groups[1] != groups[2]
    listed = ['a.mp4', 'a.mp4#t=1,2']
    assert entries_of(listed, names) == {'a.mp4#t=0,1': 'a.mp4', 'a.mp4#t=1,2': 'a.mp4#t=1,2'}


def test_windows_are_checked_like_videos(folder):
    paths = [f'{folder}/b.mp4#t=0,2', f'{folder}/b.mp4#t=1,3', f'{folder}/b.mp4#t=3.9,4']
    reports = check_videos(paths, min_frames=8, workers=1, progress=None)
    assert [(report.status, report.frames) for report in reports] == [('ok', 50), ('ok', 50), ('short', 2)]
    assert (reports[0].width, reports[0].height, round(reports[0].fps)) == (64, 48, 25)


def test_files_whose_frames_are_counted_are_named(tmp_path):
    path = write_video(tmp_path / 'video.avi', options=dict(codec=dict(bf='2')))
    (report,) = check_videos([path], workers=1, progress=None)
    assert report.status == 'ok'
    assert re.search('frames are counted from the start .it has no time stamps.', report.reason)


def test_the_index_makes_no_difference_to_times(folder):
    whole = open_reader(f'{folder}/b.mp4')
    window = open_reader(f'{folder}/b.mp4#t=0,99')
    np.testing.assert_array_equal(window.times(), whole.times())


@pytest.mark.parametrize(
    ('span', 'stride', 'windows'),
    [
        ((0, 2.9995), 1, [(0, 1), (1, 2), (2, 2.9995)]),  # a millisecond is rounding
        ((0, 2.998), 1, [(0, 1), (1, 2)]),
        ((1 / 3, 2.334), 1, [(0.333333, 1.333333), (1.333333, 2.333333)]),
        ((5, 6.5), 0.25, [(5, 6), (5.25, 6.25), (5.5, 6.5)]),
        ((0, 0.5), 1, []),
    ],
)
def test_spans_are_divided_to_the_microsecond(span, stride, windows):
    assert Windows(1.0, stride).check('x').divide(Window(*span)) == windows


def test_a_span_may_lack_a_millisecond_of_a_window_and_no_more(folder):
    assert marks(UnlabeledVideoDataset(write_list(folder, 'b.mp4 0 3.9995\n'), window=4)) == ['b.mp4#t=0,3.9995']
    with pytest.raises(InputError, match=r'b.mp4#t=0,3.998 lasts 3.998 s, less than window=4'):
        UnlabeledVideoDataset(write_list(folder, 'b.mp4 0 3.998\n'), window=4)


def test_what_passes_the_end_of_a_recording_is_not_divided(folder):
    with pytest.raises(InputError, match=r'b.mp4#t=3.95,4.05 lasts 0.05 s, less than window=0.1'):
        UnlabeledVideoDataset(write_list(folder, 'b.mp4 3.95 4.05\n'), window=0.1)


def test_windows_have_no_count_of_the_frames_of_the_whole(folder):
    path = write_list(folder, 'b.mp4 100\n')
    assert UnlabeledVideoDataset(path, list_format='path num_frames').get_data_info(0)['total_frames'] == 100
    assert 'total_frames' not in UnlabeledVideoDataset(path, list_format='path num_frames', window=1).get_data_info(0)


def test_the_rounding_of_a_start_moves_no_window():
    """2/30 is named 0.066667, which is later; 4/30 is named 0.133333, which is earlier."""
    times = np.arange(10) / 30
    assert frames_within(times, Window(0.066667, 0.133333)) == (2, 4)
    assert frames_within(times, Window(0.0667, 0.1333)) == (3, 4)


@pytest.mark.parametrize(
    ('window', 'mark'),
    [
        ((10, 20.5), '10,20.5'),
        ((1 / 30, 100), '0.033333,100'),
        ((0.0, 1e-6), '0,0.000001'),
        ((7200.123456, 1e5), '7200.123456,100000'),
    ],
)
def test_windows_are_named_to_the_microsecond(window, mark):
    path = window_path('m.mp4', Window(*window))
    assert path == f'm.mp4#t={mark}'
    assert split_window(path) == ('m.mp4', Window(*(float(side) for side in mark.split(','))))
