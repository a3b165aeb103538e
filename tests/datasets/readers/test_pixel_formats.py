"""Colours of a video are not those that the ffmpeg program shows: depth, samples of colour and their place, range, matrix."""

import numpy as np
import pytest
from backends import USABLE
from video_forms import ffmpeg, oracle

from auxskd_mm.datasets.readers import open_reader

X264 = '-c:v libx264 -preset ultrafast -g 4 -pix_fmt'
BT709 = '-colorspace bt709 -color_primaries bt709 -color_trc bt709'
FORMATS = {
    '420.mp4': f'{X264} yuv420p',
    '420 full range.mp4': f'{X264} yuvj420p',
    '422.mp4': f'{X264} yuv422p',
    '444.mp4': f'{X264} yuv444p',
    'gray.mp4': f'{X264} gray',
    '10 bit.mp4': f'{X264} yuv420p10le',
    '10 bit 422.mov': '-c:v prores_ks -profile:v 3',
    '10 bit 444.mp4': f'{X264} yuv444p10le',
    'hdr.mp4': f'{X264} yuv420p10le -vf scale=out_color_matrix=bt2020 -colorspace bt2020nc -color_primaries bt2020 '
    '-color_trc smpte2084',
    'bt709.mp4': f'{X264} yuv420p -vf scale=out_color_matrix=bt709 {BT709}',
    'bt709 full.mp4': f'{X264} yuv420p -vf scale=out_color_matrix=bt709:out_range=full {BT709} -color_range pc',
    '12 bit.mkv': '-c:v ffv1 -pix_fmt yuv420p12le',
    'gray 16.mkv': '-c:v ffv1 -pix_fmt gray16le',
    '411.mkv': '-c:v ffv1 -pix_fmt yuv411p',
    'odd 420.mkv': '-c:v ffv1 -pix_fmt yuv420p -vf crop=47:33:0:0:exact=1,format=yuv420p',
    'odd 422.mkv': '-c:v ffv1 -pix_fmt yuv422p -vf crop=48:33:0:0:exact=1,format=yuv422p',
    'nv12.nut': '-c:v rawvideo -pix_fmt nv12',
    'yuyv.avi': '-c:v rawvideo -pix_fmt yuyv422',
    'bgr.avi': '-c:v rawvideo -pix_fmt bgr24',
    'rgba.mov': '-c:v png -pix_fmt rgba',
    'alpha.webm': '-c:v libvpx-vp9 -deadline realtime -pix_fmt yuva420p',
    'dv.avi': '-c:v dvvideo -s 720x576 -pix_fmt yuv420p -r 25',
    'interlaced.mkv': f'-vf scale=48:32 {X264} yuv420p -x264-params interlaced=1',
}


@pytest.mark.parametrize('name', FORMATS)
def test_colours_are_those_of_ffmpeg_to_the_bit(tmp_path, name):
    path = str(tmp_path / name.replace(' ', '_'))
    source = '-f lavfi -i testsrc2=size=48x34:rate=25:duration=0.24'
    ffmpeg(*source.split(), *FORMATS[name].split(), path)
    expected = oracle(path)
    assert len(expected) == 6
    for backend in {'pyav', 'torchcodec'} & set(USABLE):
        reader = open_reader(path, backend=backend)
        np.testing.assert_array_equal(reader.read(range(6)), expected, err_msg=backend)
        assert backend == 'pyav' or not reader._by_pyav
    bgr = open_reader(path, channel_order='bgr').read([2])[0]
    np.testing.assert_array_equal(bgr, oracle(path, 'bgr24')[2])  # FFmpeg rounds otherwise than for RGB


def test_columns_that_are_cut_off_at_the_left(tmp_path):
    """A decoder cuts off a multiple of 32 there unless it is told otherwise."""
    path = str(tmp_path / 'v.mkv')
    source = '-f lavfi -i testsrc2=size=128x96:rate=25:duration=0.24'
    ffmpeg(*source.split(), *f'{X264} yuv420p -bsf:v h264_metadata=crop_left=6:crop_right=4:crop_top=2'.split(), path)
    expected = oracle(path)
    assert expected.shape == (6, 94, 118, 3)
    np.testing.assert_array_equal(open_reader(path).read(range(6)), expected)
