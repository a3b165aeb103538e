"""Exact frame numbers with every backend, and one plain reason for every kind of bad file."""

import os
import re
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from backends import BACKENDS, USABLE
from conftest import counted_frame, read_count, write_video

from auxskd_mm.datasets.packing import pack_videos
from auxskd_mm.datasets.readers import FrameFolderReader, PyAVReader, natural_key, open_reader
from auxskd_mm.datasets.readers.frame_folder import reduction
from auxskd_mm.datasets.readers.images import jpeg_size
from auxskd_mm.datasets.stores import LAYOUTS, SourceVideo, StoreSettings
from auxskd_mm.datasets.transforms import OpenVideo
from auxskd_mm.errors import InputError, VideoReadError


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('indices', [[0], [23], [3, 4, 11, 12, 19], list(range(24))])
def test_frames_are_the_ones_asked_for(tmp_path, backend, indices):
    path = write_video(tmp_path / 'v.mp4', options=dict(codec={'bf': '2'}))
    reader = open_reader(path, backend=backend)
    assert reader.num_frames == 24
    assert reader.fps == pytest.approx(25)
    frames = reader.read(indices)
    reader.close()
    assert [read_count(frame) for frame in frames] == indices
    assert frames[0].shape == (48, 64, 3)
    assert frames[0].dtype == np.uint8


def test_pyav_reads_twice_and_counts_where_there_are_no_time_stamps(tmp_path):
    path = write_video(tmp_path / 'v.avi', codec='mpeg4')
    reader = PyAVReader(path)
    assert [read_count(f) for f in reader.read([2, 20])] == [2, 20]
    assert [read_count(f) for f in reader.read([1])] == [1]
    reader._timed = False  # as in a raw stream
    assert [read_count(f) for f in reader.read([5, 23])] == [5, 23]


@pytest.mark.parametrize('b_frames', ['1', '2', '3'])
def test_invented_time_stamps_are_not_trusted(tmp_path, b_frames):
    path = write_video(tmp_path / 'v.avi', options=dict(codec={'bf': b_frames, 'x264-params': 'b-adapt=0'}))
    reader = PyAVReader(path)
    assert reader.num_frames == 24
    assert [read_count(frame) for frame in reader.read(range(24))] == list(range(24))
    assert [read_count(frame) for frame in reader.read([3, 10, 17])] == [3, 10, 17]
    assert [read_count(frame) for frame in reader.stream()] == list(range(24))


def test_long_videos_are_sought_not_decoded_from_the_start(tmp_path, monkeypatch):
    reader = PyAVReader(write_video(tmp_path / 'v.mp4', num_frames=100))
    converted = []
    decoded = []
    original = reader._container.decode

    class Spy:
        def __getattr__(self, name):
            return getattr(container, name)

        def decode(self, stream):
            for frame in original(stream):
                decoded.append(frame.pts)
                yield frame

    container = reader._container
    reader._container = Spy()
    monkeypatch.setattr(reader, 'array', lambda frame: converted.append(frame.pts) or np.zeros((4, 4, 3), np.uint8))
    reader.read([93, 95])
    assert len(converted) == 2
    assert len(decoded) <= 20  # key frames are at most 10 apart, and B-frames delay output


@pytest.mark.parametrize(
    ('codec', 'options'),
    [('libx264', {'bf': '3', 'g': '50', 'x264-params': 'b-pyramid=normal:ref=4'}), ('libx265', {}), ('mpeg4', {})],
)
def test_skipping_frames_that_nobody_refers_to_changes_nothing(tmp_path, codec, options):
    path = write_video(tmp_path / 'v.mp4', num_frames=60, codec=codec, options=dict(codec=options))
    reader = PyAVReader(path)
    everything = list(reader.stream())
    assert [read_count(frame) for frame in everything] == list(range(60))
    rng = np.random.RandomState(0)
    for count in (1, 2, 5, 16):
        indices = np.sort(rng.choice(60, count, replace=False)).tolist()
        for frame, i in zip(reader.read(indices), indices):
            assert (frame == everything[i]).all()


def test_conversion_is_that_of_pyav(video):
    import av

    with av.open(video) as container:
        theirs = [frame.to_ndarray(format='rgb24') for frame in container.decode(video=0)]
    assert all((a == b).all() for a, b in zip(PyAVReader(video).read(list(range(24))), theirs))


def test_channel_order(tmp_path):
    rgb = np.zeros((48, 64, 3), np.uint8)
    rgb[..., 0] = 200
    folder = tmp_path / 'frames'
    folder.mkdir()
    cv2.imwrite(str(folder / '1.png'), rgb[..., ::-1])
    for order, channel in (('rgb', 0), ('bgr', 2)):
        frame = open_reader(str(folder), channel_order=order).read([0])[0]
        assert frame[..., channel].min() == 200
        assert frame.sum() == rgb.sum()
    video = write_video(tmp_path / 'v.mp4')
    for backend in USABLE:
        one = open_reader(video, backend=backend, channel_order='rgb').read([3])[0]
        other = open_reader(video, backend=backend, channel_order='bgr').read([3])[0]
        assert (one[..., ::-1] == other).all()


def test_frame_folders_are_in_numeric_order(tmp_path):
    for i in (1, 2, 9, 10, 11):
        cv2.imwrite(str(tmp_path / f'img_{i}.png'), counted_frame(i))
    (tmp_path / 'notes.txt').write_text('not a frame')
    reader = FrameFolderReader(str(tmp_path))
    assert reader.num_frames == 5
    assert [read_count(f) for f in reader.read([0, 2, 3, 4])] == [1, 9, 10, 11]
    assert sorted(['f10', 'f9', 'f1'], key=natural_key) == ['f1', 'f9', 'f10']


def test_a_listing_is_remembered_until_the_folder_changes(tmp_path, monkeypatch):
    for i in range(3):
        cv2.imwrite(str(tmp_path / f'{i}.png'), counted_frame(i))
    assert FrameFolderReader(str(tmp_path)).num_frames == 3
    scans = []
    scandir = os.scandir
    monkeypatch.setattr(os, 'scandir', lambda path: scans.append(path) or scandir(path))
    assert FrameFolderReader(str(tmp_path)).num_frames == 3
    assert scans == []
    cv2.imwrite(str(tmp_path / '3.png'), counted_frame(3))
    os.utime(tmp_path, ns=(1, 1))  # whatever the resolution of the file system's clock
    assert FrameFolderReader(str(tmp_path)).num_frames == 4


@pytest.mark.parametrize(
    ('size', 'target', 'factor'),
    [
        ((320, 240), (171, 128), 2),  # 160x120: a fifteenth short is accepted
        ((340, 256), (171, 128), 2),
        ((300, 225), (171, 128), 1),  # 150x113 would be enlarged by an eighth
        ((640, 480), (171, 128), 4),
        ((1920, 1080), (171, 128), 8),
        ((128, 96), (171, 128), 1),
        (None, (171, 128), 1),
    ],
)
def test_reductions(size, target, factor):
    assert reduction(size, target) == factor


def test_reduced_reading_averages_and_leaves_the_rest_alone(tmp_path):
    smooth = cv2.resize(np.random.RandomState(0).randint(0, 256, (6, 8, 3), np.uint8), (320, 240))
    for name in ('jpg', 'png'):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / f'0.{name}'), smooth)
    assert jpeg_size((tmp_path / 'jpg' / '0.jpg').read_bytes()) == (320, 240)
    assert jpeg_size((tmp_path / 'png' / '0.png').read_bytes()) is None
    for order in ('rgb', 'bgr'):
        full, small = (
            open_reader(str(tmp_path / 'jpg'), channel_order=order, target=target).read([0])[0]
            for target in (None, (171, 128))
        )
        assert small.shape == (120, 160, 3)
        error = np.abs(small - full.reshape(120, 2, 160, 2, 3).mean(axis=(1, 3)))
        assert error.max() <= 4
        assert error.mean() <= 0.5
    assert open_reader(str(tmp_path / 'png'), target=(171, 128)).read([0])[0].shape == (240, 320, 3)
    with pytest.raises(InputError, match=r'OpenVideo.target=\(171,\)'):
        OpenVideo(target=(171,))


def test_rotation_is_applied_as_opencv_does(tmp_path):
    path = tmp_path / 'v.mp4'
    write_video(path)
    data = bytearray(path.read_bytes())
    at = data.index(b'tkhd') + 4 + 40  # version, flags and times, then the 3x3 matrix
    quarter_turn = struct.pack('>9i', 0, 1 << 16, 0, -(1 << 16), 0, 0, 48 << 16, 0, 1 << 30)
    data[at : at + 36] = quarter_turn
    path.write_bytes(data)
    ours = open_reader(str(path)).read([5])[0]
    theirs = open_reader(str(path), backend='opencv').read([5])[0]
    assert theirs.shape == (64, 48, 3)  # the file does turn
    assert np.abs(ours.astype(int) - theirs).max() <= 2


def test_bad_files_have_one_plain_reason(tmp_path):
    good = write_video(tmp_path / 'good.mp4', num_frames=60)
    data = Path(good).read_bytes()
    files = {
        'no such file': None,
        'the file is empty': b'',
        'cannot be opened as a video': b'not a video at all' * 50,
        'cannot be opened as a video ': data[: len(data) // 2],  # the index is at the end, and gone
    }
    for reason, content in files.items():
        path = tmp_path / f'bad{len(reason)}.mp4'
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(VideoReadError, match=re.escape(reason.strip())) as error:
            open_reader(str(path))
        assert str(error.value).startswith(str(path))
        assert '\n' not in str(error.value)


def test_truncated_with_the_index_in_front(tmp_path):
    good = write_video(tmp_path / 'good.mp4', num_frames=60, options=dict(container={'movflags': 'faststart'}))
    data = Path(good).read_bytes()
    path = tmp_path / 'cut.mp4'
    path.write_bytes(data[: int(0.7 * len(data))])
    with pytest.raises(VideoReadError, match='truncated'):
        open_reader(str(path))


def test_damaged_in_the_middle(tmp_path):
    good = write_video(tmp_path / 'good.mp4', num_frames=60)
    data = bytearray(Path(good).read_bytes())
    middle = data.index(b'mdat') + 4
    end = data.index(b'moov') - 8
    data[middle + 200 : end] = b'\x00' * (end - middle - 200)
    path = tmp_path / 'damaged.mp4'
    path.write_bytes(data)
    with pytest.raises(VideoReadError, match='cannot be decoded'):
        open_reader(str(path)).read([0, 40])


def test_no_video_stream_and_no_frames(tmp_path):
    with pytest.raises(VideoReadError, match=r'holds no video stream \(only audio\)'):
        open_reader(write_video(tmp_path / 'sound.mp4', audio_only=True))
    with pytest.raises(VideoReadError, match=r'no frames|cannot be opened'):
        open_reader(write_video(tmp_path / 'zero.mp4', num_frames=0))
    (tmp_path / 'folder').mkdir()
    with pytest.raises(VideoReadError, match='holds no frames'):
        open_reader(str(tmp_path / 'folder'))


def test_unknown_settings(video):
    with pytest.raises(InputError, match="backend='ffmpeg'"):
        open_reader(video, backend='ffmpeg')
    with pytest.raises(InputError, match="channel_order='grb'"):
        open_reader(video, channel_order='grb')


@pytest.fixture(scope='module')
def numbered(tmp_path_factory):
    """Ten frames that show 10, 11 and so on, in each form that a reader opens."""
    root = tmp_path_factory.mktemp('numbered')
    frames = [counted_frame(10 + i) for i in range(10)]
    (root / 'folder').mkdir()
    for i, frame in enumerate(frames):
        cv2.imwrite(str(root / 'folder' / f'{i}.png'), frame)
    np.savez(root / 'stack.npz', frames=frames, fps=25.0)
    cv2.imwritemulti(str(root / 'stack.tif'), frames)
    write_video(root / 'long.mp4', 30)
    for layout in LAYOUTS:  # a second video behind the one that is read
        videos = [SourceVideo(str(root / name), name) for name in ('long.mp4', 'folder')]
        pack_videos(root / layout, videos, StoreSettings(layout, short_side=48))
    return root


@pytest.mark.parametrize('backend', [*USABLE, None])
@pytest.mark.parametrize('form', ['folder', 'stack.npz', 'stack.tif', 'long.mp4#t=0.4,0.8', 'long.mp4', *LAYOUTS])
def test_frames_come_in_any_order_and_none_from_outside_the_video(numbered, form, backend):
    """A window of a recording has frames around it, and a store other videos; both would be given without a word."""
    if (backend is None) == (form == 'long.mp4'):
        pytest.skip('backends are for video files')
    path = str(numbered / form) + ('/folder' if form in LAYOUTS else '')
    first = 0 if backend else 10
    reader = open_reader(path, backend=backend or 'pyav')
    last = reader.num_frames - 1
    assert last == (29 if backend else 9)
    assert [read_count(frame) - first for frame in reader.read([4, 2, 2, 9, 0])] == [4, 2, 2, 9, 0]
    assert [read_count(frame) - first for frame in reader.read(np.array([last]))] == [last]
    for wrong in ([-1], [last + 1], [3, 500], [-2, 3]):
        with pytest.raises(VideoReadError, match=rf'has {last + 1} frames, asked for {wrong[0]} to {wrong[-1]}$'):
            open_reader(path, backend=backend or 'pyav').read(wrong)
    with pytest.raises(VideoReadError, match=rf'has {last + 1} frames, asked for none$'):
        reader.read([])


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('window', ['', '#t=0,2'])
def test_what_is_read_or_closed_beside_a_stream_does_no_harm(video, backend, window):
    """The frames before the current one, for instance. It gave a damaged file, and two streams ended the process."""
    reader = open_reader(video + window, backend=backend)
    both = zip(reader.stream(), reader.stream())
    for i, (frame, same) in enumerate(both):
        assert read_count(frame) == read_count(same) == i
        assert [read_count(one) for one in reader.read([max(i - 1, 0), 20])] == [max(i - 1, 0), 20]
    assert i == 23
    frames = reader.stream()
    assert read_count(next(frames)) == 0
    reader.close()
    reader.close()
    assert [read_count(frame) for frame in frames] == list(range(1, 24))
    assert read_count(reader.read([7])[0]) == 7  # opened again
    reader.close()
    again = open_reader(video + window, backend=backend)
    assert read_count(again.read([9])[0]) == 9


@pytest.mark.parametrize('backend', BACKENDS)
def test_a_path_may_be_a_path_object(tmp_path, video, backend):
    assert read_count(open_reader(Path(video), backend=backend).read([5])[0]) == 5
    with pytest.raises(VideoReadError, match='no such file'):
        open_reader(tmp_path / 'none.mp4', backend=backend)
