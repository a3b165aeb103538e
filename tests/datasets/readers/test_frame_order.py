"""Frames in another order, or others, than ffmpeg shows: many forms of files, each read in every way that there is."""

import random
import shutil

import numpy as np
import pytest
from backends import USABLE
from conftest import read_count
from video_forms import COUNT, FORMS, MPEG4_FRAME, oracle, read_packets

from auxskd_mm.datasets.packing import pack_videos
from auxskd_mm.datasets.preparation.video_check import check_video
from auxskd_mm.datasets.readers import open_reader
from auxskd_mm.datasets.stores import LAYOUTS, SourceVideo, StoreSettings
from auxskd_mm.errors import VideoReadError

# Mean difference in grey levels. Frames of two numbers differ by 16 and more; conversions and lossy stores by less.
TOLERANCE = 6
# Forms that show a number twice: a codec that repeats a frame where little changes, and files joined with themselves.
REPEATS = ('avi msmpeg4v2', 'ts joined', 'ts joined before', 'ts joined gap')


SLOW = 'so reading is slow and its times come from its frame rate'


@pytest.fixture(scope='session')
def stores(forms, tmp_path_factory):
    """A store of all forms in each layout; their frames keep their size."""
    folder = tmp_path_factory.mktemp('stores')
    videos = [SourceVideo(path, name) for name, path in forms.items()]
    for layout in LAYOUTS:
        store = pack_videos(folder / layout, videos, StoreSettings(layout, short_side=96, crf=10, quality=95))
        assert store.left_out == []
    return folder


def assert_same(frames, expected, what):
    assert len(frames) == len(expected), f'{what}: {len(frames)} frames, not {len(expected)}'
    differences = [np.abs(a.astype(int) - b).mean() for a, b in zip(frames, expected)]
    wrong = [i for i, difference in enumerate(differences) if difference > TOLERANCE]
    shown = [read_count(frame) for frame in frames]
    assert not wrong, f'{what}: frames {wrong} are others; the numbers shown are {shown}'


def assert_read_right(reader, expected, what):
    """In order, all by number, and random ones in turn."""
    count = len(expected)
    assert reader.num_frames == count, what
    assert_same(list(reader.stream()), expected, f'{what}, in order')
    assert_same(reader.read(range(count)), expected, f'{what}, by number')
    generator = random.Random(count)
    for size in (1, 1, 1, 2, 5, 16, 1):
        indices = sorted(generator.sample(range(count), min(size, count)))
        assert_same(reader.read(indices), expected[indices], f'{what}, frames {indices}')
    assert_same(reader.read([count - 1]), expected[-1:], f'{what}, the last')
    assert_same(reader.read([0]), expected[:1], f'{what}, the first')
    reader.close()


@pytest.mark.parametrize('name', FORMS)
def test_frames_are_those_of_ffmpeg(forms, stores, name):
    expected = oracle(forms[name])
    shown = [read_count(frame) for frame in expected]
    # So that the comparison can fail: each frame shows another number, and ffmpeg has them in order.
    assert len(shown) >= COUNT // 3
    assert name in REPEATS or (shown == sorted(set(shown)))
    for backend in USABLE:
        assert_read_right(open_reader(forms[name], backend=backend), expected, f'{name}, {backend}')
    for layout in LAYOUTS:
        assert_read_right(open_reader(f'{stores}/{layout}/{name}'), expected, f'{name}, {layout} store')
    report = check_video(forms[name])
    assert (report.status, report.frames) == ('ok', len(expected))
    counted = open_reader(forms[name]).index.counted  # why, or '' where the time stamps are taken
    assert report.reason == (f'its frames are counted from the start ({counted}), {SLOW}' if counted else '')


def test_the_forms_are_what_they_are_called(forms):
    """A codec or muxer that left out what makes a form special would leave its test empty."""
    assert len(FORMS) >= 60
    index = {name: open_reader(path).index for name, path in forms.items()}
    counted = 'avi xvid b1', 'avi h264 b2', 'avi packed', 'asf h264 b2', 'mpg mpeg2 b2', 'raw h264 b2'
    for name in (*counted, 'mkv from avi', 'mp4 from avi'):
        assert index[name].order is None, name
    for name in ('mkv twice the same time', 'mkv 2000 fps', 'ts joined before'):
        assert index[name].order is None, name
    for name in ('mp4 h264 in decoding order', 'mkv h264 in decoding order'):
        assert index[name].doubtful, name
    assert np.unique(np.diff(index['mkv uneven'].order)).size > 2
    packed = [data.count(MPEG4_FRAME) for data in read_packets(forms['avi packed'])]
    assert (max(packed), len(packed)) == (2, COUNT)
    assert len(read_packets(forms['avi empty packets'])) == index['avi empty packets'].num_frames + 6
    for name in ('webm vp8 hidden', 'nut vp9 hidden'):
        assert len(read_packets(forms[name])) > index[name].num_frames == COUNT, name
    for name in ('ts cut', 'ts cut mpeg2', 'mp4 edit list', 'avi mpeg4 cut'):
        assert index[name].num_frames < COUNT, name


@pytest.mark.parametrize(
    ('name', 'by_time', 'by_decord'),
    [
        ('mp4 h264 b3', True, True),
        ('mkv h264 b3', True, True),
        ('mp4 h264 open', True, False),
        ('avi mjpeg', True, True),
        ('ts h264 b3', True, False),
        ('avi xvid b1', False, False),
    ],
)
def test_what_can_be_sought_is_sought(forms, name, by_time, by_decord):
    reader = open_reader(forms[name])
    reader.read([COUNT // 2])
    assert reader._timed == by_time
    assert open_reader(forms[name], backend='decord')._by_pyav == (not by_decord)


def test_a_frame_that_is_lost_between_others_is_no_other_frame(forms, tmp_path):
    """A decoder leaves it out; those after it must not move up in its place."""
    path = tmp_path / 'lost.mkv'
    shutil.copy(forms['mkv h264 b3'], path)
    packets, data = read_packets(path), path.read_bytes()
    at = data.index(packets[20])
    path.write_bytes(data[:at] + bytes(len(packets[20])) + data[at + len(packets[20]) :])
    reader = open_reader(str(path))
    expected = oracle(forms['mkv h264 b3'])
    for i in (3, 26):
        assert_same(reader.read([i]), expected[[i]], f'frame {i}')
    for read in (lambda: reader.read(range(12, 24)), lambda: list(reader.stream())):
        with pytest.raises(VideoReadError, match=r'cannot be decoded'):
            read()
    assert check_video(str(path)).status == 'bad'


@pytest.mark.parametrize(
    ('name', 'fps'),
    [('mp4 h264 b3', 25), ('ts h264 b3', 25), ('ts joined gap', 25), ('ogv theora', 25), ('mkv 2000 fps', 2000)],
)
def test_the_frame_rate_is_that_of_the_frames(forms, name, fps):
    assert open_reader(forms[name]).fps == pytest.approx(fps, rel=0.01)


@pytest.mark.parametrize('name', ['mkv uneven', 'mp4 uneven'])
def test_the_frame_rate_of_uneven_frames_is_their_average(forms, name):
    # 40 frames; the last has number 39, is 29 later by the double distance and 20 by the gap, at 1/25 s each.
    assert open_reader(forms[name]).fps == pytest.approx(39 / ((39 + 29 + 20) / 25), rel=0.05)
