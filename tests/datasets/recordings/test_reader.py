"""The frames of a window are those of the whole file at these times, whatever the container and the codec."""

import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest
from conftest import read_count, write_video
from video_forms import FORMS, oracle, write_form

from auxskd_mm.datasets.readers import PyAVReader, open_reader
from auxskd_mm.datasets.recordings import index_file, reader
from auxskd_mm.datasets.recordings.names import recording_of
from auxskd_mm.errors import InputError, VideoReadError
from auxskd_mm.files import file_state


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    """No index or container of an earlier test, and no cache of the user."""
    monkeypatch.delenv(index_file.FOLDERS, raising=False)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    index_file._OPEN.clear()
    reader._CONTAINERS.forget()


# B-frames, open groups, uneven times, transport streams, a late start, fragments, packets that show a later frame.
EXACT = (
    'mp4 h264 b3', 'mp4 h264 open', 'mkv h264 open', 'mkv h264 open cut', 'ts h264 b3', 'ts h264 open', 'ts h265', 'ts cut',
    'ts wrap', 'mts h264', 'mp4 uneven', 'mkv uneven', 'mp4 late', 'mp4 edit list open', 'mp4 fragments', 'mp4 av1',
    'flv h264 b2', 'webm vp9', 'ts mpeg2 b2', 'raw m4v b2',
)  # fmt: skip
# Their frames are counted from the start: exact as well, but slow.
COUNTED = ('avi h264 b2', 'mpg mpeg1 b2', 'mp4 h264 in decoding order', 'mkv twice the same time')


@pytest.mark.parametrize('name', [*EXACT, *COUNTED])
def test_frames_in_a_window_are_those_of_the_whole_file(name, tmp_path, monkeypatch):
    path = write_form(FORMS[name], tmp_path / f'video.{FORMS[name].suffix}')
    frames = oracle(path)
    whole = PyAVReader(path)
    times = whole.times()
    whole.close()
    if name in EXACT:  # decoding a recording from its start would take minutes
        monkeypatch.setattr(PyAVReader, '_read_from_start', None)
    for start, end in ((0.0, 0.3), (0.2, 0.77), (0.48, 1.0), (0.8, 1.0)):
        wanted = [i for i, time in enumerate(times) if start <= time + 1e-6 and time + 1e-6 < end]
        window = open_reader(f'{path}#t={start},{end}')
        np.testing.assert_allclose(window.times(), times[wanted] - times[wanted[0]], atol=1e-9)
        single = window.read([len(wanted) // 2])[0]
        for read in (window.read(range(window.num_frames)), list(window.stream())):
            assert len(read) == len(wanted)
            assert (
                max(np.abs(a.astype(int) - b).max() for a, b in zip(read, frames[wanted])) <= 6
            )  # two colour conversions
            assert (read[len(wanted) // 2] == single).all()
        window.close()


def test_recordings_joined_with_clocks_that_go_backwards_are_refused(tmp_path):
    path = write_form(FORMS['ts joined before'], tmp_path / 'joined.ts')
    with pytest.raises(VideoReadError, match=r'time stamps go backwards.*ffmpeg'):
        open_reader(f'{path}#t=0,1')


@pytest.mark.parametrize(
    ('mark', 'says'),
    [
        ('2,1', 'start 2 is not before end 1'),
        ('-1,1', 'start -1 is negative'),
        ('nan,1', 'two numbers of seconds'),
        ('0,x', 'expected #t=START,END'),
        ('7,8', 'no frame of the recording is shown'),
    ],
)
def test_a_wrong_window_is_one_clear_line(video, mark, says):
    with pytest.raises(InputError, match=says) as error:
        open_reader(f'{video}#t={mark}')
    assert video in str(error.value)
    assert '\n' not in str(error.value)


def test_a_file_with_the_name_of_a_window_is_a_file(tmp_path):
    path = write_video(tmp_path / 'video.mp4')
    os.link(path, f'{path}#t=0,1')
    assert open_reader(f'{path}#t=0,1').num_frames == 24
    assert (recording_of(f'{path}#t=0,1'), recording_of(f'{path}#t=0,2')) == (f'{path}#t=0,1', path)
    assert open_reader(f'{path}#t=0,0.4').num_frames == 10


def test_the_index_is_kept_and_made_anew_for_a_changed_file(tmp_path, monkeypatch):
    path = write_video(tmp_path / 'video.mp4', num_frames=24)
    index_file.remember_folder(str(tmp_path))
    made = []
    make = index_file._make
    monkeypatch.setattr(index_file, '_make', lambda *args: made.append(1) or make(*args))
    for _ in range(3):
        index_file._OPEN.clear()  # as another process
        assert open_reader(f'{path}#t=0,9').num_frames == 24
    assert len(made) == 1
    (kept,) = (tmp_path / '.frame_index').iterdir()
    write_video(path, num_frames=30)
    assert open_reader(f'{path}#t=0,9').num_frames == 30
    # Cut off, of another version, or no index at all: it is not used.
    for content in (
        kept.read_bytes()[:-8],
        kept.read_bytes().replace(b'"version": 1', b'"version": 0', 1),
        b'\0' * 5000,
    ):
        kept.write_bytes(content)
        index_file._OPEN.clear()
        assert [read_count(frame) for frame in open_reader(f'{path}#t=0.2,0.4').read([0, 4])] == [5, 9]
    assert len(made) == 5


def test_without_a_folder_to_write_the_index_goes_to_the_cache_or_stays_in_memory(tmp_path, monkeypatch):
    path = write_video(tmp_path / 'video.mp4')
    (tmp_path / 'list').write_text('')  # a file, where there should be a folder
    index_file.remember_folder(str(tmp_path / 'list'))
    assert open_reader(f'{path}#t=0,9').num_frames == 24
    assert len(list((tmp_path / 'cache').rglob('*.idx'))) == 1
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'list'))
    write_video(path, num_frames=30)
    assert open_reader(f'{path}#t=0,9').num_frames == 30


def _read_often(path, start):
    return [[read_count(f) for f in open_reader(f'{path}#t={start},{start + 0.4}').read([0, 9])] for _ in range(20)]


def test_processes_that_start_with_open_files_do_not_disturb_each_other(tmp_path):
    path = write_video(tmp_path / 'video.mp4', num_frames=100)
    index_file.remember_folder(str(tmp_path))
    open_reader(f'{path}#t=0,1').close()  # its container waits for the next reader
    with multiprocessing.get_context('fork').Pool(4) as pool:
        jobs = [pool.apply_async(_read_often, (path, start)) for start in (0.4, 1.2, 2.0, 2.8)]
        for first, job in zip((10, 30, 50, 70), jobs):
            assert job.get(60) == [[first, first + 9]] * 20


def test_a_draw_reads_no_more_near_the_end_and_open_files_stay_few(tmp_path):
    paths = [write_video(tmp_path / f'{i}.mp4', num_frames=200, size=(128, 96)) for i in range(12)]
    for path in paths:
        open_reader(f'{path}#t=7,7.5').close()
    assert len(reader._CONTAINERS._free) == 8

    def read_so_far():
        return int(Path('/proc/self/io').read_text().split()[1])

    def bytes_read(path, start):
        before = read_so_far()
        window = open_reader(f'{path}#t={start},{start + 0.2}')
        window.read([0, 4])
        window.close()
        return read_so_far() - before

    near_the_end, near_the_start = bytes_read(paths[-1], 7.6), bytes_read(paths[-1], 0.4)
    assert near_the_end <= 1.2 * near_the_start + 4096


@pytest.mark.parametrize('name', ['2024:01/video.mp4', f'films/{chr(0x4E2D) * 80}.mp4'])
def test_an_index_is_kept_whatever_the_names(tmp_path, name):
    """A colon divides paths in an environment, and a name of a file has at most 255 bytes."""
    (tmp_path / name).parent.mkdir()
    path = write_video(tmp_path / 'video.mp4')
    os.rename(path, tmp_path / name)
    index_file.remember_folder(str((tmp_path / name).parent))
    assert open_reader(f'{tmp_path / name}#t=0,9').num_frames == 24
    (kept,) = tmp_path.rglob('*.idx')
    assert kept.parent == (tmp_path / name).parent / '.frame_index'
    index_file._OPEN.clear()
    assert index_file.kept_index(str(tmp_path / name)).kept


@pytest.mark.parametrize('change', ['time', 'numbering'])
def test_a_kept_index_of_another_state_or_numbering_is_not_used(tmp_path, change):
    path = write_video(tmp_path / 'video.mp4')
    index_file.remember_folder(str(tmp_path))
    index_file.kept_index(path)
    (kept,) = (tmp_path / '.frame_index').iterdir()
    index_file._OPEN.clear()
    assert index_file._find((path, *file_state(path))).kept
    if change == 'time':  # another video of the same size
        os.utime(path, (1, 1))
    else:
        content = kept.read_bytes()
        assert content.count(b'"numbering": 2') == 1
        kept.write_bytes(content.replace(b'"numbering": 2', b'"numbering": 1'))
    assert index_file._find((path, *file_state(path))) is None


def test_the_latest_of_the_remembered_folders_comes_first_and_each_once(tmp_path):
    for name in ('a', 'b', 'a', *map(str, range(14)), 'a'):
        index_file.remember_folder(str(tmp_path / name))
    folders = [str(tmp_path / name / '.frame_index') for name in ('a', *map(str, range(13, -1, -1)), 'b')]
    assert index_file._folders() == folders
    index_file.remember_folder(str(tmp_path / 'c'))
    assert index_file._folders() == [str(tmp_path / 'c' / '.frame_index'), *folders[:-1]]  # 16 at most


def test_a_time_stamp_between_two_frames_is_that_of_none():
    numbers = reader._Numbers(np.array([0, 10, 20]))
    assert [numbers.get(pts, -1) for pts in (0, 10, 20, 5, 21, -1, None)] == [0, 1, 2, -1, -1, -1, -1]
    assert reader._Numbers(None).get(0, -1) == -1


def test_an_index_of_a_path_of_thousands_of_signs_is_read_again(tmp_path):
    made = index_file._make(write_video(tmp_path / 'video.mp4'), 2**26)
    for length in (10, 3900, 4090, 9000):
        state = ('x' * length, 3, 4)
        (tmp_path / 'kept.idx').write_bytes(index_file._content(state, made))
        found = index_file._load(tmp_path / 'kept.idx', state)
        assert found.frames.num_frames == 24
        np.testing.assert_array_equal(found.frames.order, made.frames.order)
        np.testing.assert_array_equal(found.times, made.times)
        assert index_file._load(tmp_path / 'kept.idx', ('x' * length, 3, 5)) is None
