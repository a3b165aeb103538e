"""Time stamps that a reader gives without decoding, against those of the ffmpeg program after decoding."""

import re
import subprocess
from fractions import Fraction

import cv2
import numpy as np
import pytest
from backends import BACKENDS
from video_forms import FFMPEG, FORMS, UNEVEN, X264, X265, Form, copy_with, write_form

from auxskd_mm.datasets.readers import frame_index, open_reader, pyav

VP9 = '-c:v libvpx-vp9 -g 12 -b:v 1M -auto-alt-ref 1 -lag-in-frames 16 -deadline realtime'
TRUSTED = {
    'mp4 uneven edit': Form('mp4', f'{UNEVEN} {X264}:bframes=2', copy_with('-ss 0.6')),
    'mov uneven edit open': Form('mov', f'{UNEVEN} {X264}:bframes=3:open-gop=1', copy_with('-ss 0.6')),
    'mkv uneven late': Form('mkv', f'{UNEVEN} {X264}:bframes=2 -output_ts_offset 10'),
    'ts uneven': Form('ts', f'{UNEVEN} {X264}:bframes=2'),
    'flv uneven': Form('flv', f'{UNEVEN} {X264}:bframes=2'),
    'webm uneven': Form('webm', f'{UNEVEN} {VP9}'),
    'mp4 uneven h265': Form('mp4', f'{UNEVEN} {X265}:bframes=3:open-gop=1'),
    'avi uneven mjpeg': Form('avi', f'{UNEVEN} -c:v mjpeg -q:v 3'),
    'mp4 uneven fragments': Form('mp4', f'{UNEVEN} {X264}:bframes=2 -movflags frag_keyframe+empty_moov'),
    **{
        name: FORMS[name]
        for name in (
            'mp4 uneven', 'mkv uneven', 'avi uneven', 'mp4 late', 'mp4 edit list open', 'mkv h264 open cut', 'mkv h264 b3',
            'ts wrap', 'ts joined', 'ts joined gap', 'webm vp8 hidden', 'avi empty packets', 'gif', 'mp4 negative cts',
        )
    },
}  # fmt: skip
# Without time stamps, or with false ones: the frames lie 1/25 s apart, as they were made.
COUNTED = ('avi xvid b2', 'avi packed', 'raw h264 b2', 'asf h264 b2', 'mkv twice the same time', 'mkv from avi')
DOUBTFUL = ('mp4 h264 in decoding order',)


def shown_times(path):
    """Seconds of the frames after the first one, as ffmpeg shows them."""
    command = [FFMPEG, '-hide_banner', '-threads', '1', '-i', path, '-map', '0:v:0', '-vf', 'showinfo']
    log = subprocess.run([*command, '-fps_mode', 'passthrough', '-f', 'null', '-'], capture_output=True, text=True)
    unit = [Fraction(found) for found in re.findall(r'config in time_base: (\d+/\d+)', log.stderr)][-1]
    pts = [int(found) for found in re.findall(r'n: *\d+ pts: *(-?\d+) ', log.stderr)]
    return np.asarray([float((one - pts[0]) * unit) for one in pts])


def refuse_decoding(*args, **kwargs):
    raise AssertionError('a frame was decoded')


@pytest.mark.parametrize('name', TRUSTED)
def test_times_are_those_of_ffmpeg(name, tmp_path):
    form = TRUSTED[name]
    path = write_form(form, tmp_path / f'v.{form.suffix}')
    expected = shown_times(path)
    assert len(expected) > 10
    reader = open_reader(path)
    times = reader.times()
    assert times.shape == (reader.num_frames,)
    # The oracle's rounded times of an even rate are made even.
    np.testing.assert_allclose(times, expected, rtol=0, atol=1e-6 if 'uneven' in name else 1.1e-3)
    if 'uneven' in name:
        assert np.unique(np.round(np.diff(times), 2)).size > 1
    else:
        assert (np.diff(times) > 0).all()


@pytest.mark.parametrize('name', [*COUNTED, *DOUBTFUL])
def test_without_time_stamps_that_hold_frames_are_counted(name, tmp_path):
    path = write_form(FORMS[name], tmp_path / f'v.{FORMS[name].suffix}')
    reader = open_reader(path)
    assert (reader.index.order is None) != (name in DOUBTFUL)
    np.testing.assert_allclose(reader.times(), np.arange(reader.num_frames) / 25, atol=1e-9)


@pytest.mark.parametrize('backend', BACKENDS)
def test_every_backend_gives_the_same_times_and_decodes_nothing(backend, tmp_path, monkeypatch):
    path = write_form(FORMS['mp4 uneven'], tmp_path / 'v.mp4')
    expected = shown_times(path)
    if backend == 'pyav':  # the others look at a frame when they are opened
        monkeypatch.setattr(pyav, 'decoded', refuse_decoding)
        monkeypatch.setattr(frame_index, 'decoded', refuse_decoding)
    reader = open_reader(path, backend=backend)
    np.testing.assert_allclose(reader.times(), expected, atol=1e-6)
    reader.close()


def test_times_of_images_need_a_rate(tmp_path):
    for i in range(4):
        cv2.imwrite(str(tmp_path / f'{i}.png'), np.zeros((8, 8, 3), np.uint8))
    reader = open_reader(str(tmp_path))
    assert reader.times() is None
    reader.fps = 8.0
    assert reader.times().tolist() == [0, 0.125, 0.25, 0.375]
