"""Files, folders, arrays, webcams and addresses become samples, and one pipeline takes them all."""

import functools
import http.server
import threading

import cv2
import numpy as np
import pytest
from conftest import counted_frame, read_count, write_video
from mmengine.dataset import Compose

from auxskd_mm.datasets import input_sources
from auxskd_mm.datasets.input_sources import as_samples, check_frames, input_pipeline, stream_of
from auxskd_mm.errors import InputError, VideoReadError

FRAMES = np.stack([counted_frame(i) for i in range(24)])


class Camera:
    """``cv2.VideoCapture`` of counted frames."""

    def __init__(self, frames=10, opened=True):
        self.left, self.opened, self.released = list(FRAMES[:frames]), opened, False

    def isOpened(self):
        return self.opened

    def read(self):
        return (True, self.left.pop(0)[..., ::-1]) if self.left else (False, None)

    def release(self):
        self.released = True


@pytest.fixture
def camera(monkeypatch):
    def plug(**kwargs):
        camera = Camera(**kwargs)
        monkeypatch.setattr(input_sources.cv2, 'VideoCapture', lambda *source: camera)
        return camera

    return plug


def counts(sample):
    return [read_count(frame) for frame in sample['frames']]


def test_paths(tmp_path):
    (tmp_path / 'sub').mkdir()
    names = [write_video(tmp_path / name) for name in ('a.mp4', 'b.mp4', 'sub/c.mp4')]
    (tmp_path / 'frames').mkdir()
    for i in range(3):
        cv2.imwrite(str(tmp_path / f'frames/{i}.png'), FRAMES[i])
    (tmp_path / 'list.txt').write_text('b.mp4\na.mp4\n')

    def found(*inputs):
        return [sample['filename'] for sample in as_samples(*inputs)]

    assert found(names[0]) == names[:1]
    assert found(tmp_path) == [*names[:2], str(tmp_path / 'frames'), names[2]]
    assert found(str(tmp_path / 'frames')) == [str(tmp_path / 'frames')]
    assert found(f'{tmp_path}/?.mp4') == names[:2]
    assert found(tmp_path / 'list.txt') == [names[1], names[0]]
    assert found([names[2], FRAMES, tmp_path / 'list.txt']) == [names[2], 'array', names[1], names[0]]


def test_arrays():
    for frames in (FRAMES, list(FRAMES)):
        (sample,) = as_samples(frames)
        np.testing.assert_array_equal(sample['frames'], FRAMES)
    assert len(list(as_samples([FRAMES, FRAMES[:3]]))) == 2


@pytest.mark.parametrize(
    ('frames', 'says'),
    [
        (FRAMES[0], r'\(48, 64, 3\)'),
        (FRAMES[:0], r'\(0, 48, 64, 3\)'),
    ],
)
def test_other_arrays_are_refused(frames, says):
    with pytest.raises(InputError, match=says):
        check_frames(frames)


@pytest.mark.parametrize('frames', [FRAMES.astype(np.float32) / 3, FRAMES[..., :1], FRAMES.astype(np.uint16) * 257])
def test_other_types_and_channels_keep_their_values(frames):
    found = check_frames(frames)
    assert (found.dtype, found.shape) == (frames.dtype, frames.shape)
    np.testing.assert_array_equal(found, frames)


def test_values_that_are_not_finite_are_refused():
    with pytest.raises(
        InputError, match=r'an array of shape \(24, 48, 64, 3\) and type float32 .*such as uint8 RGB frames'
    ):
        check_frames(np.where(FRAMES.max() == FRAMES, np.nan, FRAMES).astype(np.float32))


def test_what_is_a_stream(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [stream_of(s) for s in (0, '1', 'webcam:2', 'rtsp://x', 'a.mp4', FRAMES)] == [
        0,
        1,
        2,
        'rtsp://x',
        None,
        None,
    ]
    (tmp_path / '1').mkdir()  # a folder of that name is a folder
    assert stream_of('1') is None
    assert stream_of('\u00b2') is None  # a digit, and no number
    with pytest.raises(InputError, match='True: not a video'):
        stream_of(True)


def test_a_webcam_is_read_in_windows(camera):
    plugged = camera(frames=10)
    (sample,) = as_samples(0, stream_frames=4)
    assert sample['filename'] == '0'
    assert counts(sample) == [0, 1, 2, 3]
    assert plugged.released
    camera(frames=10)
    samples = list(as_samples('webcam:0', stream_frames=4, windows=0))
    assert [sample['filename'] for sample in samples] == ['webcam:0#0', 'webcam:0#1', 'webcam:0#2']
    assert [counts(sample) for sample in samples] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_an_address_is_read_over_http(tmp_path):
    write_video(tmp_path / 'v.mp4', num_frames=12)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    handler.log_message = lambda *args: None
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        (sample,) = as_samples(f'http://127.0.0.1:{server.server_port}/v.mp4', stream_frames=8)
        with pytest.raises(VideoReadError, match=r'/none\.mp4: OpenCV cannot open it; is the address right'):
            list(as_samples(f'http://127.0.0.1:{server.server_port}/none.mp4'))
        server.shutdown()
    assert counts(sample) == list(range(8))


def test_streams_and_paths_that_cannot_be_used(camera, tmp_path):
    camera(opened=False)
    with pytest.raises(VideoReadError, match='webcam 3: OpenCV cannot open it; is it there, and free'):
        list(as_samples(3))
    camera(frames=0)
    with pytest.raises(VideoReadError, match='webcam 0: was opened, but yields no frames'):
        list(as_samples(0))
    with pytest.raises(InputError, match='stream_frames=0'):
        list(as_samples(0, stream_frames=0))
    with pytest.raises(InputError, match=r'none\.mp4: no such file or folder'):
        list(as_samples(tmp_path / 'none.mp4'))
    with pytest.raises(InputError, match='no videos'):
        list(as_samples(tmp_path))
    with pytest.raises(InputError, match='no inputs'):
        list(as_samples([]))


SAMPLE = dict(type='SampleFrames', clip_len=4, frame_interval=2, num_clips=1, test_mode=True)
PIPELINES = dict(
    ours=[dict(type='auxskd_mm.OpenVideo', channel_order='bgr'), SAMPLE, dict(type='auxskd_mm.DecodeClips')],
    decord=[dict(type='DecordInit'), SAMPLE, dict(type='DecordDecode')],
    pims=[dict(type='PIMSInit'), SAMPLE, dict(type='PIMSDecode')],
    raw=[SAMPLE, dict(type='RawFrameDecode')],
)


@pytest.mark.parametrize('kind', PIPELINES)
def test_every_pipeline_takes_files_and_arrays(kind, video):
    pipeline = Compose([dict(type='auxskd_mm.MarkSample', start_index=0), *input_pipeline(PIPELINES[kind])])
    before = FRAMES.copy()
    for sample in (dict(filename=video), dict(filename='array', frames=FRAMES)):
        results = pipeline(sample)
        assert [read_count(frame) for frame in results['imgs']] == [8, 10, 12, 14]
    swapped = FRAMES[8][..., ::-1] if kind == 'ours' else FRAMES[8]
    np.testing.assert_array_equal(results['imgs'][0], swapped)
    results['imgs'][0][:] = 0  # transforms write into their frames
    np.testing.assert_array_equal(FRAMES, before)


def test_pipelines_without_frames_are_refused():
    with pytest.raises(InputError, match=r'decodes no frames .its steps: PoseDecode'):
        input_pipeline([dict(type='PoseDecode')])
