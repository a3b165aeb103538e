"""The stream that is read is the one that the ffmpeg program takes, and a path is nothing but a path."""

import os
import shutil

import numpy as np
import pytest
from backends import BACKENDS
from conftest import read_count, write_video
from video_forms import ffmpeg, oracle

from auxskd_mm.datasets import UnlabeledVideoDataset
from auxskd_mm.datasets.preparation.video_check import check_video
from auxskd_mm.datasets.readers import open_reader
from auxskd_mm.errors import VideoReadError

THREE = ''.join(
    f'-f lavfi -i color={color}:duration=0.4 ' for color in ('red:s=64x48', 'lime:s=128x96', 'blue:s=32x32')
)
MAPPED = '-map 0 -map 1 -map 2 -pix_fmt yuv420p'
DEFAULTS = {
    'none is default': '-disposition:v 0',
    'the small one is default': '-disposition:v 0 -disposition:v:2 default',
    'as the muxer likes': '',
}


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('marks', DEFAULTS)
@pytest.mark.parametrize('suffix', ['mp4', 'mkv', 'ts'])
def test_of_several_streams_the_one_that_ffmpeg_takes(tmp_path, suffix, marks, backend):
    path = str(tmp_path / f'v.{suffix}')
    ffmpeg(*f'{THREE}{MAPPED} {DEFAULTS[marks]} -c:v libx264 {path}'.split())
    reader = open_reader(path, backend=backend)
    frames = np.stack(reader.read(range(reader.num_frames)))
    reader.close()
    expected = ffmpeg('-i', path, *['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'])
    assert frames.tobytes() == expected


@pytest.mark.parametrize('suffix', ['mp4', 'mkv'])
@pytest.mark.parametrize('backend', BACKENDS)
def test_a_cover_picture_is_no_video(tmp_path, suffix, backend):
    video = write_video(tmp_path / 'v.mp4')
    cover, path, alone = (str(tmp_path / name) for name in ('cover.jpg', f'both.{suffix}', 'sound.m4v'))
    ffmpeg(*f'-f lavfi -i testsrc2=size=640x480 -frames:v 1 {cover}'.split())
    if suffix == 'mkv':
        attach = f'-attach {cover} -metadata:s:t mimetype=image/jpeg'
        ffmpeg(*f'-i {video} -map 0 -c copy {attach} {path}'.split())
    else:
        # The picture comes first in the file.
        ffmpeg(*f'-i {cover} -i {video} -map 0 -map 1 -c copy -disposition:v:0 attached_pic {path}'.split())
    assert [read_count(frame) for frame in open_reader(path, backend=backend).read([0, 7, 23])] == [0, 7, 23]
    if suffix == 'mp4':
        sound = write_video(tmp_path / 'sound.mp4', audio_only=True)
        ffmpeg(*f'-i {cover} -i {sound} -map 0 -map 1 -c copy -disposition:v:0 attached_pic -f mp4 {alone}'.split())
        with pytest.raises(VideoReadError, match=r'holds no video stream \(only a cover picture, audio\)'):
            open_reader(alone, backend=backend)


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize(
    'name',
    ['concat:a.mp4', 'http:x.mp4', 'file:a.mp4', 'pipe:0', '-', 'a%d.mp4', 'q?.mpg', '[x].mp4', 'a b\u2028é.mp4'],
)
def test_a_path_is_a_path(tmp_path, monkeypatch, name, backend):
    shutil.copy(write_video(tmp_path / 'v.mp4'), tmp_path / name)
    monkeypatch.chdir(tmp_path)
    dataset = UnlabeledVideoDataset(name)
    assert dataset.get_data_info(0)['filename'] == name
    assert [read_count(frame) for frame in open_reader(name, backend=backend).read([3, 9])] == [3, 9]


@pytest.mark.parametrize('backend', BACKENDS)
def test_a_name_that_is_not_utf8_can_be_read(tmp_path, backend):
    name = os.fsdecode(b'caf\xe9.mp4')
    shutil.copy(write_video(tmp_path / 'v.mp4'), tmp_path / name)
    assert [read_count(frame) for frame in open_reader(f'{tmp_path}/{name}', backend=backend).read([3, 9])] == [3, 9]


def test_theora_with_packets_that_repeat_a_frame(tmp_path):
    path = str(tmp_path / 'still.ogv')
    still = 'testsrc2=size=64x48:rate=25:duration=0.4,tpad=stop=8:stop_mode=clone,tpad=start=4:start_mode=clone'
    ffmpeg('-f', 'lavfi', '-i', still, '-c:v', 'libtheora', '-q:v', '7', path)
    wanted = oracle(path)
    reader = open_reader(path)
    assert 3 < reader.num_frames == len(wanted) < 22  # of as many packets
    np.testing.assert_array_equal(reader.read(range(len(wanted))), wanted)
    np.testing.assert_array_equal(list(reader.stream()), wanted)
    np.testing.assert_array_equal(open_reader(path).read([len(wanted) - 2])[0], wanted[-2])


@pytest.mark.parametrize('backend', BACKENDS)
def test_a_video_that_changes_its_size(tmp_path, backend):
    """As a recorded call does: all frames have the first size, as of the ffmpeg program."""
    for name, size in (('a', '96x64'), ('b', '128x96')):
        options = f'-f lavfi -i testsrc2=size={size}:rate=10:duration=2 -c:v libvpx -b:v 1M {tmp_path / name}.webm'
        ffmpeg(*options.split())
    (tmp_path / 'list').write_text(f"file '{tmp_path}/a.webm'\nfile '{tmp_path}/b.webm'\n")
    path = str(tmp_path / 'v.webm')
    ffmpeg('-f', 'concat', '-safe', '0', '-i', str(tmp_path / 'list'), '-c', 'copy', path)
    expected = oracle(path)
    assert expected.shape == (40, 64, 96, 3)
    reader = open_reader(path, backend=backend)
    for frames, wanted in (
        (list(reader.stream()), expected),
        (reader.read([18, 21]), expected[[18, 21]]),
        (open_reader(f'{path}#t=1,3').read(range(20)), expected[10:30]),
    ):
        assert np.abs(np.stack(frames).astype(int) - wanted).mean((1, 2, 3)).max() < 6
    later = open_reader(path).read([25, 5])
    assert {frame.shape for frame in later} == {(64, 96, 3)}
    assert {frame.shape for frame in open_reader(path).read([25, 35])} == {(96, 128, 3)}
    report = check_video(path)
    assert (report.status, report.width, report.height) == ('ok', 96, 64)
