"""Frames are turned and mirrored as the ffmpeg program does, by every backend and in stores."""

import math
import struct
from pathlib import Path

import numpy as np
import pytest
from backends import BACKENDS
from video_forms import ffmpeg

from auxskd_mm.datasets.packing import pack_videos
from auxskd_mm.datasets.preparation.video_check import check_video
from auxskd_mm.datasets.readers import open_reader
from auxskd_mm.datasets.stores import SourceVideo, StoreSettings

ONE = 1 << 16


def turned(degrees, mirror=1):
    c, s = (round(ONE * f(math.radians(degrees))) for f in (math.cos, math.sin))
    return mirror * c, mirror * s, -s, c


# (a, b, c, d) of the matrix: what ISO 14496-12 stores in a track's header.
MATRICES = {
    'as it is': (ONE, 0, 0, ONE),
    'quarter': turned(90),
    'half': turned(180),
    'three quarters': turned(270),
    'mirrored': (-ONE, 0, 0, ONE),
    'upside down': (ONE, 0, 0, -ONE),
    'selfie, quarter': (0, ONE, ONE, 0),
    'selfie, three quarters': (0, -ONE, -ONE, 0),
    'twice as large': (2 * ONE, 0, 0, 2 * ONE),
    'oblique': turned(30),
    'oblique, mirrored': turned(200, mirror=-1),
    'less than a degree': turned(0.4),
    'one degree': turned(1),
    'one degree off': turned(91),
    'not invertible': (ONE, ONE, 0, 0),
}


@pytest.fixture(scope='module')
def plain(tmp_path_factory):
    path = tmp_path_factory.mktemp('plain') / 'v.mp4'
    ffmpeg(*f'-f lavfi -i testsrc2=size=96x64:rate=5:duration=1 -c:v libx264 -pix_fmt yuv420p {path}'.split())
    return path


@pytest.fixture
def make(plain, tmp_path):
    def write(matrix):
        data = bytearray(plain.read_bytes())
        at = data.index(b'tkhd') + 4 + 40  # version, flags and times come before the matrix
        a, b, c, d = matrix
        data[at : at + 36] = struct.pack('>9i', a, b, 0, c, d, 0, 0, 0, 1 << 30)
        path = tmp_path / 'v.mp4'
        path.write_bytes(data)
        return str(path)

    return write


def shown_by_ffmpeg(path, shape):
    return np.frombuffer(ffmpeg('-i', path, *['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-']), np.uint8).reshape(
        -1, *shape
    )


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('name', MATRICES)
def test_the_whole_display_matrix_is_applied(make, name, backend):
    path = make(MATRICES[name])
    reader = open_reader(path, backend=backend)
    frames = reader.read(range(reader.num_frames))
    reader.close()
    expected = shown_by_ffmpeg(path, frames[0].shape)
    assert len(expected) == len(frames) == 5
    assert frames[0].shape == ((96, 64, 3) if 'quarter' in name else (64, 96, 3))
    assert np.abs(expected.astype(int) - frames).max() <= 2


@pytest.mark.parametrize('name', MATRICES)
def test_the_check_tells_the_size_that_is_shown(make, name):
    path = make(MATRICES[name])
    report = check_video(path)
    assert (report.status, (report.height, report.width)) == ('ok', open_reader(path).read([0])[0].shape[:2])


def test_a_matrix_in_matroska(make, tmp_path):
    path = str(tmp_path / 'v.mkv')
    ffmpeg('-i', make(MATRICES['quarter']), '-c', 'copy', path)
    frame = open_reader(path).read([2])[0]
    assert frame.shape == (96, 64, 3)
    np.testing.assert_array_equal(shown_by_ffmpeg(path, frame.shape)[2], frame)


def test_stores_and_the_check_see_the_video_upright(make, tmp_path):
    path = make(MATRICES['selfie, quarter'])
    report = check_video(path)
    assert (report.status, report.width, report.height) == ('ok', 64, 96)
    store = tmp_path / 'store'
    pack_videos(store, [SourceVideo(path, 'v.mp4')], StoreSettings('raw', short_side=64))
    packed = open_reader(str(Path(store, 'v.mp4'))).read(range(5))
    np.testing.assert_array_equal(packed, shown_by_ffmpeg(path, (96, 64, 3)))
