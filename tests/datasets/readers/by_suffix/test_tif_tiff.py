"""TIFF stacks and folders, and folders of 16-bit PNG: values against the arrays that were written."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest
from PIL import Image

from auxskd_mm.datasets.readers import open_reader
from auxskd_mm.datasets.readers.tiff_header import has_pages
from auxskd_mm.datasets.video_list import UnlabeledVideoDataset
from auxskd_mm.errors import VideoReadError

RANDOM = np.random.RandomState(0)


def stack(dtype, channels):
    values = RANDOM.randint(0, 256 if dtype == 'uint8' else 30000, (5, 20, 30, channels))
    return values.astype(dtype)


def in_opencvs_order(frame):
    return np.ascontiguousarray(frame[..., [2, 1, 0, 3][: frame.shape[2]]]) if frame.shape[2] > 1 else frame


def write_frames(folder, array, suffix):
    folder.mkdir()
    for i, frame in enumerate(array):
        assert cv2.imwrite(str(folder / f'img_{i:05}{suffix}'), in_opencvs_order(frame))


def write_pages(path, pages):
    """With LZW, since OpenCV 4.8 writes float colours as LogLuv of 16 bits, and loses values, unless it is told otherwise."""
    assert cv2.imwritemulti(str(path), pages, [cv2.IMWRITE_TIFF_COMPRESSION, 5])


@pytest.mark.parametrize('channels', [1, 3, 4])
@pytest.mark.parametrize('dtype', ['uint8', 'uint16', 'int16', 'float32', 'float64'])
def test_pages_keep_type_channels_and_values(tmp_path, dtype, channels):
    array = stack(dtype, channels)
    write_pages(tmp_path / 'a.tif', [in_opencvs_order(frame) for frame in array])
    reader = open_reader(str(tmp_path / 'a.tif'))
    assert reader.num_frames == 5
    frames = reader.read([0, 2, 3])
    assert {frame.dtype.name for frame in frames} == {dtype}
    np.testing.assert_array_equal(frames, array[[0, 2, 3]])
    np.testing.assert_array_equal(list(reader.stream()), array)
    swapped = open_reader(str(tmp_path / 'a.tif'), channel_order='bgr').read([4])[0]
    np.testing.assert_array_equal(swapped, in_opencvs_order(array[4]))


def tiff(array, order, big):
    """A TIFF or BigTIFF of gray pages (T, H, W), each in two strips, as the specifications have it."""
    size, place, width = ('Q', 8, 20) if big else ('I', 4, 12)
    data = bytearray((b'II' if order == '<' else b'MM') + struct.pack(f'{order}H', 43 if big else 42))
    data += struct.pack(f'{order}HHQ', 8, 0, 16) if big else struct.pack(f'{order}I', 8)
    for number, page in enumerate(array):
        height, wide = page.shape
        strip = height // 2 * wide * 2
        tags = {
            256: (3, wide),
            257: (3, height),
            258: (3, 16),
            259: (3, 1),
            262: (3, 1),
            277: (3, 1),
            278: (3, height // 2),
        }
        pixels = len(data) + (8 if big else 2) + (len(tags) + 2) * width + place
        lists = pixels + 2 * strip  # the places of the strips, then their sizes, where they do not fit into the tags
        tags |= {273: (4, [pixels, pixels + strip]), 279: (4, [strip, strip])}
        data += struct.pack(f'{order}{"Q" if big else "H"}', len(tags))
        behind = b''
        for key in sorted(tags):
            kind, values = tags[key]
            packed = struct.pack(f'{order}{"H" if kind == 3 else "II"}', *np.atleast_1d(values).tolist())
            if len(packed) > place:
                packed, behind = struct.pack(f'{order}{size}', lists + len(behind)), behind + packed
            data += struct.pack(f'{order}HH{size}', key, kind, np.size(values)) + packed.ljust(place, b'\0')
        after = lists + len(behind)
        data += struct.pack(f'{order}{size}', after if number < len(array) - 1 else 0)
        data += page.astype(f'{order}u2').tobytes() + behind
        assert len(data) == after
    return bytes(data)


@pytest.mark.parametrize('order', ['<', '>'])
@pytest.mark.parametrize('big', [False, True])
def test_both_byte_orders_and_files_beyond_4_gb(tmp_path, order, big):
    array = stack('uint16', 1)[..., 0]
    data = tiff(array, order, big)
    (tmp_path / 'a.tif').write_bytes(data)
    assert has_pages(str(tmp_path / 'a.tif'))
    np.testing.assert_array_equal(np.stack(open_reader(str(tmp_path / 'a.tif')).read(range(5)))[..., 0], array)
    (tmp_path / 'frames').mkdir()
    for number, page in enumerate(array):
        (tmp_path / 'frames' / f'{number}.tif').write_bytes(tiff(page[None], order, big))
    np.testing.assert_array_equal(np.stack(open_reader(str(tmp_path / 'frames')).read(range(5)))[..., 0], array)
    (tmp_path / 'b.tif').write_bytes(data[:-200])
    with pytest.raises(VideoReadError, match='is cut off'):
        open_reader(str(tmp_path / 'b.tif'))


@pytest.mark.parametrize('compression', [None, 'tiff_lzw', 'tiff_deflate', 'packbits'])
def test_pages_of_another_program(tmp_path, compression):
    """Pillow writes them."""
    array = stack('uint16', 1)[..., 0]
    first, *others = map(Image.fromarray, array)
    first.save(tmp_path / 'a.tiff', save_all=True, append_images=others, compression=compression)
    np.testing.assert_array_equal(np.stack(open_reader(str(tmp_path / 'a.tiff')).read(range(5)))[..., 0], array)


@pytest.mark.parametrize(('suffix', 'dtype', 'channels'), [('.png', 'uint16', 1), ('.png', 'uint16', 3), ('.png', 'uint16', 4),
    ('.tif', 'uint8', 1), ('.tif', 'uint16', 3), ('.tiff', 'float32', 1)])  # fmt: skip
def test_frames_of_a_folder_keep_type_channels_and_values(tmp_path, suffix, dtype, channels):
    array = stack(dtype, channels)
    write_frames(tmp_path / 'video', array, suffix)
    frames = open_reader(str(tmp_path / 'video')).read([1, 4])
    assert {frame.dtype.name for frame in frames} == {dtype}
    np.testing.assert_array_equal(frames, array[[1, 4]])


def test_images_of_8_bits_give_colours_as_ever(tmp_path):
    gray = stack('uint8', 1)
    write_frames(tmp_path / 'video', gray, '.png')
    frames = open_reader(str(tmp_path / 'video')).read([0, 1])
    np.testing.assert_array_equal(frames, np.repeat(gray[:2], 3, axis=3))


def test_frames_of_different_kinds_are_refused(tmp_path):
    write_frames(tmp_path / 'mixed', stack('uint16', 1), '.png')
    cv2.imwrite(str(tmp_path / 'mixed' / 'img_00002.png'), stack('uint16', 3)[0])
    with pytest.raises(
        VideoReadError, match=r'holds frames of different kinds: img_00002\.png has uint16 pixels of 3 channels'
    ):
        open_reader(str(tmp_path / 'mixed')).read([0, 1, 2])


def test_tiffs_are_videos_or_frames_by_their_pages(tmp_path):
    array = stack('uint16', 1)
    write_frames(tmp_path / 'frames', array, '.tif')
    (tmp_path / 'stacks').mkdir()
    for name in ('a1', 'a2'):
        cv2.imwritemulti(str(tmp_path / 'stacks' / f'{name}.tif'), list(array))
    assert has_pages(str(tmp_path / 'stacks' / 'a1.tif'))
    assert not has_pages(str(tmp_path / 'frames' / 'img_00000.tif'))
    found = [info['filename'] for info in UnlabeledVideoDataset(str(tmp_path)).load_data_list()]
    assert found == [str(tmp_path / name) for name in ('frames', 'stacks/a1.tif', 'stacks/a2.tif')]
    by_glob = UnlabeledVideoDataset(str(tmp_path / '*' / '*.tif')).load_data_list()
    assert [info['filename'] for info in by_glob] == found[1:]
    assert len(UnlabeledVideoDataset(found[1]).load_data_list()) == 1


def test_arrays_beside_frames_are_no_videos(tmp_path):
    write_frames(tmp_path / 'video', stack('uint16', 1), '.png')
    np.save(tmp_path / 'video' / 'poses.npy', np.zeros((5, 17, 2)))
    found = [info['filename'] for info in UnlabeledVideoDataset(str(tmp_path)).load_data_list()]
    assert found == [str(tmp_path / 'video')]


@pytest.mark.parametrize('share', [0.02, 0.3, 0.7, 0.95])
def test_cut_off_stacks_are_refused(tmp_path, share):
    cv2.imwritemulti(str(tmp_path / 'a.tif'), list(stack('uint16', 1)))
    data = (tmp_path / 'a.tif').read_bytes()
    (tmp_path / 'a.tif').write_bytes(data[: int(share * len(data))])
    with pytest.raises(VideoReadError, match='cut off') as error:
        open_reader(str(tmp_path / 'a.tif'))
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('mode', ['1', 'P', 'LA', 'CMYK'])
def test_pixels_that_nobody_can_guess_are_refused(tmp_path, mode):
    Image.fromarray(np.full((8, 9), 5, np.uint8)).convert(mode).save(tmp_path / 'a.tif')
    with pytest.raises(VideoReadError, match='which are not read; expected gray, RGB or RGBA') as error:
        open_reader(str(tmp_path / 'a.tif'))
    assert '\n' not in str(error.value)


def test_pages_of_different_sizes_and_no_tiff(tmp_path):
    array = stack('uint16', 1)
    cv2.imwritemulti(str(tmp_path / 'a.tif'), [array[0], array[1][:10]])
    with pytest.raises(VideoReadError, match='pages of different kinds: page 1 is'):
        open_reader(str(tmp_path / 'a.tif'))
    (tmp_path / 'b.tif').write_text('no picture')
    with pytest.raises(VideoReadError, match=r'b\.tif: is no TIFF file'):
        open_reader(str(tmp_path / 'b.tif'))
    cv2.imwritemulti(str(tmp_path / 'c.tif'), list(array))
    (tmp_path / 'video').mkdir()
    for i in range(2):
        (tmp_path / 'video' / f'{i}.tif').write_bytes((tmp_path / 'c.tif').read_bytes())
    with pytest.raises(VideoReadError, match='has 5 pages, and a frame has one'):
        open_reader(str(tmp_path / 'video')).read([0])


def test_hidden_pages_of_imagej_are_not_passed_over(tmp_path):
    image = Image.fromarray(stack('uint16', 1)[0, ..., 0])
    image.save(tmp_path / 'a.tif', description='ImageJ=1.54f\nimages=40\nslices=40\n')
    with pytest.raises(VideoReadError, match='a directory of 1 pages, and tells of 40 images'):
        open_reader(str(tmp_path / 'a.tif'))
