"""The end of a file is missing: FFmpeg reads the rest without a word, but it is not the whole video."""

import shutil
from pathlib import Path

import pytest
from backends import USABLE
from video_forms import FORMS, copy_with, write_form

from auxskd_mm.datasets.preparation.video_check import check_video
from auxskd_mm.datasets.readers import open_reader
from auxskd_mm.errors import VideoReadError

# What is said of those whose header is at the end depends on where they are cut.
# Raw streams and NUT state no size. Cut where a frame ends, they are whole shorter ones.
ANY = 'cut off|truncated|cannot be opened|holds no'
CONTAINERS = {
    'mkv h264 b3': 'it says that it has', 'webm vp9': 'it says that it has', 'webm vp8 hidden': 'it says that it has',
    'ts h264 b3': 'its last packet has', 'ts mpeg2 b2': 'its last packet has', 'mts h264': 'its last packet has',
    'avi xvid b1': ANY, 'avi mjpeg': ANY, 'avi without index xvid b1': ANY, 'mp4 h264 b3': ANY,
    'mp4 fragments': ANY, 'flv h264 b2': 'its last tag is not whole', 'wmv wmv2': 'it says that it has',
    'ogv theora': ANY, 'gif': 'its end mark is missing', 'mpg mpeg1 b2': 'its last packet is not whole',
    'mxf mpeg2 b2': 'it says that it has',
}  # fmt: skip


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('whole')


def written(folder, name):
    path = folder / f'{name}.{FORMS[name].suffix}'
    return path if path.exists() else Path(write_form(FORMS[name], path))


@pytest.mark.parametrize('name', CONTAINERS)
def test_a_video_cut_off_in_the_middle_is_bad(folder, tmp_path, name):
    path = written(folder, name)
    report = check_video(str(path))
    counted = open_reader(str(path)).index.counted
    assert report.status == 'ok'
    assert report.reason.startswith(f'its frames are counted from the start ({counted})' if counted else '')
    assert bool(report.reason) == bool(counted)
    data, cut = path.read_bytes(), tmp_path / path.name
    for share in (0.4, 0.61, 0.85):
        end = int(share * len(data))
        cut.write_bytes(data[: end + (end % 188 == 0)])
        for backend in USABLE:
            with pytest.raises(VideoReadError, match=CONTAINERS[name]) as error:
                open_reader(str(cut), backend=backend)
            assert '\n' not in str(error.value)
        assert check_video(str(cut)).status == 'bad'


def test_the_reason_has_numbers(folder, tmp_path):
    data = written(folder, 'mkv h264 b3').read_bytes()
    (tmp_path / 'a.mkv').write_bytes(data[:-1000])
    reason = check_video(str(tmp_path / 'a.mkv')).reason
    assert f'it says that it has {len(data)} bytes, the file has {len(data) - 1000}' in reason
    data = written(folder, 'ts h264 b3').read_bytes()
    (tmp_path / 'a.ts').write_bytes(data[:-88])
    assert 'its last packet has 100 bytes of 188' in check_video(str(tmp_path / 'a.ts')).reason


@pytest.mark.parametrize('name', ['mkv h264 b3', 'webm vp9', 'mkv ffv1', 'mp4 h264 b3', 'avi xvid b1'])
@pytest.mark.parametrize('share', [0.3, 0.6])
def test_a_download_that_took_its_full_size_and_ended_early(folder, tmp_path, name, share):
    data, path = written(folder, name).read_bytes(), tmp_path / written(folder, name).name
    end = int(share * len(data))
    path.write_bytes(data[:end] + bytes(len(data) - end))
    report = check_video(str(path))
    assert report.status == 'bad'
    if name == 'mkv ffv1':
        with pytest.raises(
            VideoReadError, match=rf'the bytes from \d+ to {len(data)} are zero; copy or download it again'
        ):
            open_reader(str(path))


@pytest.mark.parametrize('name', ['live', 'live h264'])
def test_a_recording_that_does_not_know_its_size(folder, tmp_path, name):
    """As browsers write them, and ffmpeg into a pipe: whole ones are fine, the last element tells of the others."""
    source = written(folder, 'webm vp9' if name == 'live' else 'mkv h264 b3')
    path = tmp_path / source.name
    shutil.copy(source, path)
    copy_with('', '-live 1 -f matroska')(path)
    assert b'\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff' in path.read_bytes()
    assert check_video(str(path)).status == 'ok'
    data = path.read_bytes()
    found = []
    for end in range(len(data) // 2, len(data) // 2 + 40):
        path.write_bytes(data[:end])
        found.append(check_video(str(path)).status)
    assert found.count('bad') >= 38  # one of them may be where a frame ends


@pytest.mark.parametrize(
    'name', ['avi xvid b1', 'mp4 h264 b3', 'ts h264 b3', 'mkv h264 b3', 'ogv theora', 'gif', 'mxf mpeg2 b2']
)
def test_what_stands_behind_a_whole_file_does_no_harm(folder, tmp_path, name):
    path = tmp_path / written(folder, name).name
    path.write_bytes(written(folder, name).read_bytes() + b'\0' * 50)
    report = check_video(str(path))
    assert (report.status, report.frames) == ('ok', check_video(str(written(folder, name))).frames)
