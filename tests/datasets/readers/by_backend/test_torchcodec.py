"""torchcodec gives other frames than PyAV and ffmpeg, or its absence is not told in one line."""

import random
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from backends import MISSING
from conftest import write_video
from video_forms import FORMS

from auxskd_mm.datasets.readers import open_reader
from auxskd_mm.datasets.readers.by_backend import torchcodec
from auxskd_mm.errors import InputError, VideoReadError

needs_torchcodec = pytest.mark.skipif(bool(MISSING['torchcodec']), reason=MISSING['torchcodec'])
# What torchcodec reads itself. It has no end of packets that show no frame, seeks to a frame that others refer to across
# the start of a group, or guesses times where there are none. PyAV reads the others.
OWN = {
    'avi mpeg4', 'avi xvid', 'avi mjpeg', 'avi uneven', 'avi msmpeg4v2', 'avi ffv1', 'mkv h264 b3', 'mkv ffv1',
    'mkv huffyuv', 'mkv interlaced', 'mkv uneven', 'mp4 h264', 'mp4 h264 b3', 'mp4 xvid', 'mp4 uneven', 'mp4 negative cts',
    'mp4 av1', 'mov prores', 'mov mjpeg', 'webm vp8', 'webm vp9', 'webm av1', 'flv flv1', '3gp h263', '3gp h264 b2',
    'wmv wmv2', 'ogv theora', 'gif',
}  # fmt: skip


@needs_torchcodec
@pytest.mark.parametrize('name', FORMS)
def test_frames_and_times_are_those_of_pyav_to_the_bit(forms, name):
    expected, reader = open_reader(forms[name]), open_reader(forms[name], backend='torchcodec')
    count = expected.num_frames
    frames = expected.read(range(count))
    assert (reader.num_frames, reader.fps) == (count, expected.fps)
    np.testing.assert_array_equal(reader.times(), expected.times())
    draw = random.Random(count).sample
    for indices in ([count - 1], [0], range(count), *(sorted(draw(range(count), size)) for size in (1, 2, 5, 12))):
        for i, frame in zip(indices, reader.read(indices)):
            np.testing.assert_array_equal(frame, frames[i])
    np.testing.assert_array_equal(list(reader.stream()), frames)
    assert reader._by_pyav == (name not in OWN)


@needs_torchcodec
def test_a_lost_frame_is_no_other_frame(forms, tmp_path):
    data = bytearray(Path(forms['mp4 h264 b3']).read_bytes())
    start = data.index(b'mdat') + 1000
    data[start : start + 600] = bytes(600)
    path = tmp_path / 'damaged.mp4'
    path.write_bytes(data)
    with pytest.raises(VideoReadError, match='cannot be decoded'):
        open_reader(str(path), backend='torchcodec').read(range(40))


class Failing:
    """A decoder whose frames have other times, or that fails."""

    def __init__(self, decoder, error):
        self.decoder, self.error = decoder, error

    def get_frames_at(self, indices):
        if self.error:
            raise self.error
        return self.decoder.get_frames_at([i + 1 for i in indices])


@needs_torchcodec
@pytest.mark.parametrize('error', [None, RuntimeError('no more frames'), IndexError('out of range')])
@pytest.mark.parametrize('order', ['rgb', 'bgr'])
def test_where_torchcodec_fails_pyav_reads(tmp_path, error, order):
    path = write_video(tmp_path / 'v.mp4')
    expected = open_reader(path, channel_order=order).read([3, 9])
    reader = open_reader(path, backend='torchcodec', channel_order=order)
    np.testing.assert_array_equal(reader.read([3, 9]), expected)
    assert not reader._by_pyav
    reader._decoder = Failing(reader._decoder, error)
    np.testing.assert_array_equal(reader.read([3, 9]), expected)
    assert reader._by_pyav
    assert len(list(reader.stream())) == 24
    reader.close()


@pytest.fixture
def missing(monkeypatch):
    """Function that tells why torchcodec cannot be used, where a stand-in of it raises an error."""
    torchcodec._missing.cache_clear()
    monkeypatch.setattr(torchcodec.importlib.metadata, 'version', lambda name: '0.17.0')

    def tell(error, at_import=False):
        def decoder(source):
            raise error

        class Broken(types.ModuleType):
            def __getattr__(self, name):
                raise error

        package, decoders = types.ModuleType('torchcodec'), (Broken if at_import else types.ModuleType)('decoders')
        if not at_import:
            decoders.VideoDecoder = decoder
        monkeypatch.setitem(sys.modules, 'torchcodec', package)
        monkeypatch.setitem(sys.modules, 'torchcodec.decoders', decoders)
        return torchcodec.TorchCodecReader.missing()

    yield tell
    torchcodec._missing.cache_clear()


LOADING = (
    'Could not load libtorchcodec. Likely causes:\n  1. FFmpeg\n{}OSError: Could not load this library: /x/core.so\n'
)
NO_FFMPEG = (
    'OSError: libavutil.so.60: cannot open shared object file: No such file\nOSError: libavcodec.so.59: cannot open\n'
)
OTHER_TORCH = (
    'OSError: libavutil.so.60: cannot open shared object file\nOSError: /x/core5.so: undefined symbol: _ZN3c10\n'
)


@pytest.mark.parametrize('at_import', [False, True])  # old releases load FFmpeg with the module
def test_no_ffmpeg_says_what_to_install(missing, at_import):
    text = missing(RuntimeError(LOADING.format(NO_FFMPEG)), at_import)
    assert text.startswith('torchcodec 0.17.0 finds no FFmpeg 4 to 9 as shared libraries; run `apt-get install ffmpeg`')
    assert '\n' not in text


@pytest.mark.parametrize('at_import', [False, True])
def test_another_torch_says_which_versions(missing, at_import):
    text = missing(RuntimeError(LOADING.format(OTHER_TORCH)), at_import)
    assert text.startswith(
        f'torchcodec 0.17.0 does not load with torch {torch.__version__} (/x/core5.so: undefined symbol: _ZN3c10); run'
    )
    assert 'torch 2.11' in text
    assert '\n' not in text


def test_a_working_one_is_not_missing(missing):
    assert missing(ValueError('no video')) == ''
    torchcodec._missing.cache_clear()
    assert missing(RuntimeError('Failed to open input buffer')) == ''


def test_an_absent_one_is_an_error_of_one_line_and_no_bad_video(missing, video):
    text = missing(ImportError('No module named torchcodec'), at_import=True)
    with pytest.raises(InputError) as error:
        open_reader(video, backend='torchcodec')
    assert not isinstance(error.value, VideoReadError)
    assert str(error.value) == f"backend='torchcodec': {text}, or use 'pyav'"
    assert "pip install 'auxskd_mm[torchcodec]'" in text


def test_without_a_gpu_nvdec_is_refused(video, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    with pytest.raises(InputError, match="backend='torchcodec_cuda': there is no CUDA device; use 'torchcodec'"):
        open_reader(video, backend='torchcodec_cuda')
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, '_is_in_bad_fork', lambda: True)
    with pytest.raises(InputError, match="a forked process has no CUDA; set multiprocessing_context='spawn'"):
        open_reader(video, backend='torchcodec_cuda')
