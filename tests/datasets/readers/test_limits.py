"""Files that name other files, ask for all memory or never end: each is one bad video, with every backend."""

import os
import shutil
import struct
import time
import zlib
from contextlib import suppress
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from backends import USABLE
from conftest import counted_frame, read_count, write_video

from auxskd_mm.datasets import UnlabeledVideoDataset
from auxskd_mm.datasets.input_sources import as_samples
from auxskd_mm.datasets.packing import pack_videos
from auxskd_mm.datasets.preparation.video_check import check_video, check_videos
from auxskd_mm.datasets.readers import Reader, open_reader, pyav
from auxskd_mm.datasets.readers.limits import _FORMATS, MAX_PIXELS, playlist_kind
from auxskd_mm.datasets.stores import SourceVideo, StoreSettings
from auxskd_mm.errors import InputError, VideoReadError

HLS = '#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nother.ts\n'
DASH = """<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S">
<Period><AdaptationSet mimeType="video/mp4"><Representation id="0" bandwidth="9"><BaseURL>other.mp4</BaseURL>
</Representation></AdaptationSet></Period></MPD>"""
PLAYLISTS = {
    'ended.m3u8': HLS + '#EXT-X-ENDLIST\n',
    'endless.m3u8': HLS,
    'ended.mp4': HLS + '#EXT-X-ENDLIST\n',
    'endless.ts': '\ufeff' + HLS,
    'concat.mp4': "ffconcat version 1.0\nfile 'other.mp4'\n",
    'itself.mp4': 'ffconcat version 1.0\n' + "file 'itself.mp4'\n" * 50_000,
    'dash.mpd': DASH,
    'dash.mp4': DASH,
    'session.sdp': 'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n',
    'session.mkv': 'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n',
    'list.pls': '[playlist]\nFile1=other.mp4\n',
}


@pytest.fixture
def playlists(tmp_path):
    """Files that name a good video beside them."""
    write_video(tmp_path / 'other.mp4')
    write_video(tmp_path / 'other.ts')
    for name, content in PLAYLISTS.items():
        (tmp_path / name).write_text(content, encoding='utf-8')
    return tmp_path


@pytest.mark.parametrize('name', PLAYLISTS)
def test_a_file_that_names_other_files_is_not_followed(playlists, name):
    start, path = time.monotonic(), str(playlists / name)
    for backend in USABLE:
        with pytest.raises(VideoReadError, match='which names other files; give the videos themselves') as error:
            open_reader(path, backend=backend)
        assert '\n' not in str(error.value)
    assert check_video(path).status == 'bad'
    (playlists / 'list.txt').write_text(f'other.mp4\n{name}\n')
    dataset = UnlabeledVideoDataset(str(playlists / 'list.txt'), pipeline=[dict(type='auxskd_mm.OpenVideo')])
    for i in range(2):
        assert dataset[i]['filename'].endswith('other.mp4')
    assert dataset.bad_videos() == [path]
    with pytest.raises(InputError, match='which names other files'):
        [open_reader(sample['filename']) for sample in as_samples(path)]  # as predict takes its inputs
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(
    'address', ['file://{}', 'concat://{}', 'subfile,,start,0,end,0,,:file://{}', 'crypto+file://{}']
)
def test_an_address_that_names_a_local_file_is_refused(video, address):
    with pytest.raises(InputError, match='expected a path, or an address that starts with http'):
        list(as_samples(address.format(video)))


def test_a_pattern_in_a_name_stands_for_no_other_file(tmp_path):
    for i in range(3):
        cv2.imwrite(str(tmp_path / f'a_{i}.jpg'), counted_frame(i))
    write_video(tmp_path / 'v.mp4')
    for name in ('a_%d.mp4', 'b_%03d.avi'):
        shutil.copy(tmp_path / 'v.mp4', tmp_path / name)
        for backend in USABLE:
            frames = open_reader(str(tmp_path / name), backend=backend).read(range(24))
            assert [read_count(frame) for frame in frames] == list(range(24))
    with pytest.raises(VideoReadError, match='no such file'):
        open_reader(str(tmp_path / 'a_%d.jpg'))


def test_no_format_that_opens_other_files_is_allowed():
    following = {
        'concat',
        'dash',
        'hls',
        'imf',
        'image2',
        'mlv',
        'sdp',
        'rtsp',
        'svg_pipe',
        'lavfi',
        'webm_dash_manifest',
    }
    assert not following & set(_FORMATS)
    for name in following & av.formats_available:
        assert not set(av.format.ContainerFormat(name).name.split(',')) & set(_FORMATS)


def test_text_that_is_no_playlist(tmp_path):
    for i, text in enumerate(['a.mp4 0\n', '# comment\na.mp4\n', '', '<video.mp4\n', 'v=1/a.mp4\n']):
        (tmp_path / f'{i}').write_text(text)
        assert playlist_kind(str(tmp_path / f'{i}')) == ''
    assert playlist_kind(str(tmp_path)) == playlist_kind('a\0b') == ''


def png(width, height):
    """A PNG that claims a size, with little data."""

    def chunk(kind, content):
        return struct.pack('>I', len(content)) + kind + content + struct.pack('>I', zlib.crc32(kind + content))

    header = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(10_000))
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IDAT', data) + chunk(b'IEND', b'')


def claiming(suffix, width, height):
    """An image of another size whose header is changed."""
    options = [cv2.IMWRITE_WEBP_QUALITY, 80] if suffix == 'webp' else []
    data = bytearray(cv2.imencode(f'.{suffix}', counted_frame(1), options)[1].tobytes())
    if suffix == 'jpg':
        at = data.index(b'\xff\xc0') + 5
        data[at : at + 4] = struct.pack('>HH', height, width)
    elif suffix == 'bmp':
        data[18:26] = struct.pack('<ii', width, -height)
    elif suffix == 'webp':
        at = data.index(b'VP8 ') + 14
        data[at : at + 4] = struct.pack('<HH', min(width, 16383), min(height, 16383))
    return bytes(data)


@pytest.mark.parametrize('suffix', ['png', 'jpg', 'bmp', 'webp'])
def test_an_image_of_a_billion_pixels_is_one_bad_video(tmp_path, suffix):
    folders = [tmp_path / 'huge', tmp_path / 'good']
    for folder in folders:
        folder.mkdir()
        for i in range(4):
            cv2.imwrite(str(folder / f'{i}.{suffix}'), counted_frame(i))
    huge = png(30_000, 30_000) if suffix == 'png' else claiming(suffix, 30_000, 30_000)
    for i in range(4):
        (folders[0] / f'{i}.{suffix}').write_bytes(huge)
    steps = [
        dict(type='auxskd_mm.OpenVideo'),
        dict(type='auxskd_mm.SegmentPaceSample', clip_len=2, num_segments=2, num_speeds=1),
        dict(type='auxskd_mm.DecodeClips'),
    ]
    dataset = UnlabeledVideoDataset([str(folder) for folder in folders], pipeline=steps)
    assert all(dataset[i]['filename'] == str(folders[1]) for i in range(2))
    report = check_video(str(folders[0]))
    assert report.status == 'bad'
    assert f'more than max_pixels={MAX_PIXELS}' in report.reason
    store = pack_videos(tmp_path / 's', [SourceVideo(str(f), f.name) for f in folders], StoreSettings('jpg'))
    assert [path for path, _ in store.left_out] == [str(folders[0])]
    (tmp_path / f'one.{suffix}.mp4').write_bytes(huge)
    assert check_video(str(tmp_path / f'one.{suffix}.mp4')).status == 'bad'


def test_the_limit_is_an_option_of_all_readers(tmp_path, video):
    folder = tmp_path / 'frames'
    folder.mkdir()
    for i in range(4):
        cv2.imwrite(str(folder / f'{i}.png'), counted_frame(i))
    store = tmp_path / 'store'
    videos = [SourceVideo(video, 'v.mp4'), SourceVideo(str(folder), 'f')]
    pack_videos(store, videos, StoreSettings('raw', short_side=48))
    inputs = [(video, backend) for backend in USABLE] + [(str(folder), 'pyav'), (f'{store}/v.mp4', 'pyav')]
    for path, backend in inputs:
        assert len(open_reader(path, backend=backend, max_pixels=64 * 48).read([0, 1])) == 2
        with pytest.raises(VideoReadError, match='has frames of 64x48 pixels, more than max_pixels=3071'):
            open_reader(path, backend=backend, max_pixels=64 * 48 - 1).read([0])
    report = check_videos([video], max_pixels=3071, workers=1, progress=None)[0]
    assert 'more than max_pixels=3071' in report.reason


def test_frames_that_grow_later_are_refused(tmp_path):
    small, large = write_video(tmp_path / 'a.ts'), write_video(tmp_path / 'b.ts', size=(512, 384))
    (tmp_path / 'c.ts').write_bytes(Path(small).read_bytes() + Path(large).read_bytes())
    with pytest.raises(VideoReadError) as error:
        list(open_reader(str(tmp_path / 'c.ts'), max_pixels=128 * 96).stream())
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    ('error', 'says'),
    [
        (MemoryError(), 'takes more memory than there is'),
        (cv2.error('OpenCV(5.0) a.cpp:1: error: (-4)\n  more'), 'cannot be decoded'),
        (OSError(5, 'Input/output error'), 'Input/output error'),
    ],
)
def test_what_a_library_raises_is_the_reason_of_a_bad_video(video, monkeypatch, error, says):
    reader = open_reader(video)

    def fail(*_):
        raise error

    monkeypatch.setattr(pyav, 'frame_array', fail)
    for read in (lambda: reader.read([3]), lambda: list(reader.stream())):
        with pytest.raises(VideoReadError, match=says) as raised:
            read()
        assert '\n' not in str(raised.value)
    assert check_video(video).status == 'bad'
    monkeypatch.setattr(pyav, 'frame_array', lambda *_: 1 // 0)
    with pytest.raises(ZeroDivisionError):  # a fault of ours is not hidden
        reader.read([3])


def test_a_title_that_is_not_utf8_does_no_harm(tmp_path):
    with av.open(str(tmp_path / 'a.mkv'), 'w') as container:
        container.metadata['title'] = 'K_rper'
        stream = container.add_stream('mpeg4', rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p'
        for packet in [*stream.encode(av.VideoFrame.from_ndarray(counted_frame(5))), *stream.encode(None)]:
            container.mux(packet)
    path = tmp_path / 'a.mkv'
    path.write_bytes(path.read_bytes().replace(b'K_rper', b'K\xf6rper'))
    assert read_count(open_reader(str(path)).read([0])[0]) == 5


def test_bytes_changed_at_random_give_frames_or_a_bad_video(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    generator = np.random.RandomState(0)
    av.logging.set_level(None)
    for suffix in ('mp4', 'mkv', 'avi', 'ts', 'flv', 'mpg'):
        original = Path(write_video(tmp_path / f'a.{suffix}', codec='mpeg1video' if suffix == 'mpg' else 'libx264'))
        data = np.frombuffer(original.read_bytes(), np.uint8)
        for i in range(40):
            changed = data.copy()
            # Headers stand at the start or at the end.
            places = generator.randint(min(len(data), 10 ** (2 + i % 3)), size=1 + i % 8)
            changed[places if i % 2 else -places] = generator.randint(256, size=len(places))
            Path(f'b.{suffix}').write_bytes(changed.tobytes())
            with suppress(VideoReadError):
                reader = open_reader(f'b.{suffix}')
                assert all(frame.shape[2] == 3 for frame in (*reader.read([reader.num_frames - 1]), *reader.stream()))


def test_an_error_of_python_that_pyav_raises_is_one_of_the_video(video):
    class Odd(Reader):
        num_frames = 100

        def read(self, indices):
            with av.open(video) as container:
                return container.streams[indices[0]]

    with pytest.raises(VideoReadError, match='x: cannot be decoded'):
        Odd('x').read([99])


def test_the_check_raises_nothing(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / 'pipe.mp4')
    (tmp_path / 'itself.mp4').symlink_to('itself.mp4')
    (tmp_path / 'empty').mkdir()
    frames = tmp_path / 'frames'
    frames.mkdir()
    os.mkfifo(frames / 'img_1.jpg')
    names = ['a\0b.mp4', '\0', '', '.', 'x' * 5000, 'a\nb.mp4', '\udcff.mp4', '/dev/zero', '/dev/null', '/dev/stdin']
    names += ['/proc/self/mem', '/proc/kmsg', '/proc/self/environ', 'http://localhost:9/x.mp4', 'concat:a|b', '-']
    names += [str(tmp_path / name) for name in ('pipe.mp4', 'itself.mp4', 'empty', 'frames', 'pipe.mp4/x')]
    monkeypatch.chdir(tmp_path)
    start = time.monotonic()
    for name in names:
        report = check_video(name)
        assert report.status == 'bad', name
        assert report.reason, name
        assert '\n' not in report.reason, name
    assert time.monotonic() - start < 10


def test_a_long_stream_of_large_frames_is_read_a_few_at_a_time(tmp_path, monkeypatch):
    from auxskd_mm.datasets.readers import base

    for i in range(9):
        cv2.imwrite(str(tmp_path / f'{i}.png'), counted_frame(i))
    reader = open_reader(str(tmp_path))
    monkeypatch.setattr(base, '_BLOCK_BYTES', 2 * np.prod(counted_frame(0).shape))
    asked = []
    read = reader.read
    monkeypatch.setattr(reader, 'read', lambda numbers: asked.append(len(numbers)) or read(numbers))
    assert [read_count(frame) for frame in reader.stream()] == list(range(9))
    assert asked == [1, 2, 2, 2, 2]
