"""Images are decoded whole or refused: OpenCV fills missing parts with grey."""

import io

import cv2
import numpy as np
import pytest
from conftest import counted_frame, read_count
from PIL import Image, TiffImagePlugin

from auxskd_mm.datasets.preparation.video_check import check_video
from auxskd_mm.datasets.readers import FrameFolderReader
from auxskd_mm.datasets.readers.images import decode_image, image_size, is_cut_off, read_file
from auxskd_mm.errors import VideoReadError

OPTIONS = {
    '.jpg': [],
    '.progressive.jpg': [cv2.IMWRITE_JPEG_PROGRESSIVE, 1],
    '.restart.jpg': [cv2.IMWRITE_JPEG_RST_INTERVAL, 1],
    '.png': [],
    '.bmp': [],
    '.webp': [],
}
NOISE = np.random.RandomState(0).randint(0, 256, (48, 64, 3), np.uint8)


def encoded(suffix, image=NOISE):
    return cv2.imencode(f'.{suffix.rsplit(".", 1)[1]}', image, OPTIONS[suffix])[1].tobytes()


@pytest.mark.parametrize('suffix', OPTIONS)
def test_whole_images_are_decoded_as_opencv_does(suffix):
    data = encoded(suffix)
    expected = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    for tail in (b'', b'\0' * 100, b'data of the camera'):
        np.testing.assert_array_equal(decode_image('x', data + tail), expected)


@pytest.mark.parametrize('suffix', OPTIONS)
def test_an_image_cut_anywhere_is_refused(suffix):
    data = encoded(suffix)
    for length in [1, 2, 3, 10, 30, len(data) // 4, len(data) // 2, len(data) - 20, len(data) - 1]:
        with pytest.raises(VideoReadError, match=r'^x: (is cut off after|cannot be read)'):
            decode_image('x', data[:length])


def test_the_end_of_a_thumbnail_is_not_the_end_of_the_image():
    data, thumbnail = encoded('.jpg'), encoded('.jpg', NOISE[:8, :8])
    with_thumbnail = data[:2] + b'\xff\xe1' + (len(thumbnail) + 2).to_bytes(2, 'big') + thumbnail + data[2:]
    assert not is_cut_off(with_thumbnail)
    assert is_cut_off(with_thumbnail[: -len(data) // 2])


@pytest.fixture
def folder(tmp_path):
    """Frame folder of eight counted frames."""
    for i in range(8):
        cv2.imwrite(str(tmp_path / f'img_{i:05}.jpg'), counted_frame(i))
    return tmp_path


def test_a_cut_frame_fails_the_reading_and_the_check(folder):
    path = folder / 'img_00005.jpg'
    path.write_bytes(path.read_bytes()[:-100])
    reader = FrameFolderReader(str(folder))
    assert [read_count(frame) for frame in reader.read([3, 4])] == [3, 4]
    with pytest.raises(VideoReadError, match=r'img_00005.jpg: is cut off after \d+ bytes; copy or extract it again'):
        reader.read([4, 5])
    report = check_video(str(folder))
    assert report.status == 'bad'
    assert 'img_00005.jpg' in report.reason


@pytest.mark.parametrize('target', [None, (32, 24)])
def test_frames_of_different_sizes_are_refused_with_both_names(folder, target):
    cv2.imwrite(str(folder / 'img_00005.jpg'), counted_frame(5, (128, 96)))
    with pytest.raises(VideoReadError, match=r'different sizes: img_00005.jpg has 128x96, img_00000.jpg has 64x48'):
        FrameFolderReader(str(folder), target=target).read([0, 5])
    assert 'img_00005.jpg has 128x96' in check_video(str(folder)).reason


@pytest.mark.parametrize('target', [None, (32, 24)])
def test_frames_that_a_tag_turns_are_of_another_size(tmp_path, target):
    """As of a camera on a tripod that took itself for turned."""
    for number, orientation in enumerate((1, 6)):
        tags = Image.Exif()
        tags[274] = orientation
        Image.fromarray(counted_frame(number, (128, 96))).save(tmp_path / f'{number}.jpg', exif=tags)
    with pytest.raises(VideoReadError, match=r'different sizes: 1.jpg has 96x128, 0.jpg has 128x96'):
        FrameFolderReader(str(tmp_path), target=target).read([0, 1])


def test_missing_numbers_are_in_the_report_of_the_check(folder):
    (folder / 'img_00003.jpg').unlink()
    report = check_video(str(folder))
    assert (report.status, report.frames) == ('ok', 7)
    assert report.reason == '1 frame numbers are missing, 3 the first of them'


@pytest.mark.parametrize('order', [(0, 1), (1, 0)])
def test_frames_of_different_pixels_are_refused_whichever_comes_first(tmp_path, order):
    """Only colours of 8 bits behind another kind were refused, so a clip could hold both."""
    kinds = {0: np.full((8, 8, 3), 7, np.uint8), 1: np.full((8, 8), 700, np.uint16)}
    for place, kind in enumerate(order):
        cv2.imwrite(str(tmp_path / f'{place}.png'), kinds[kind])
    words = ['uint8 pixels of 3 channels', 'uint16 pixels of 1 channel']
    with pytest.raises(VideoReadError, match=f'1.png has {words[order[1]]}, others {words[order[0]]}'):
        FrameFolderReader(str(tmp_path)).read([0, 1])


def test_a_png_that_ends_before_its_depth_is_no_image():
    start = encoded('.png')[:8]
    with pytest.raises(VideoReadError, match=r'^x: cannot be read as an image'):
        decode_image('x', start + b'IEND\xaeB`\x82' + b'\0\0\0\1\0\0\0\1')


@pytest.mark.parametrize('orientation', range(1, 9))
@pytest.mark.parametrize('kind', [np.uint8, np.uint16])
def test_a_tiff_is_turned_as_its_tag_says(tmp_path, orientation, kind):
    stored = np.arange(20 * 30).reshape(20, 30).astype(kind)
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[274] = orientation
    for number in range(2):
        Image.fromarray(stored + number).save(tmp_path / f'{number}.tif', tiffinfo=tags)
    # As the TIFF specification says where the first row and the first column are shown.
    expected = stored if orientation < 5 else stored.T
    expected = expected[:, ::-1] if orientation in (2, 3, 6, 7) else expected
    expected = expected[::-1] if orientation in (3, 4, 7, 8) else expected
    first = FrameFolderReader(str(tmp_path)).read([0])[0]
    np.testing.assert_array_equal(first[..., 0], expected)


@pytest.mark.parametrize('size', [(300, 700), (1025, 3), (1, 1)])
def test_the_size_in_the_header_of_every_kind(size):
    picture = Image.fromarray(np.zeros((size[1], size[0], 3), np.uint8))
    tags = Image.Exif()
    tags[274] = 1
    kinds = dict(jpg={}, png={}, bmp={}, lossy={}, lossless=dict(lossless=True), extended=dict(exif=tags))
    for kind, options in kinds.items():
        data = io.BytesIO()
        picture.save(data, dict(jpg='jpeg', png='png', bmp='bmp').get(kind, 'webp'), **options)
        assert image_size(data.getvalue()) == size, kind
        assert image_size(data.getvalue()[:20]) is None, kind


def test_a_large_image_is_no_damaged_one(tmp_path):
    """More than the room that is left for headers."""
    large = np.zeros((2400, 2400, 3), np.uint8)
    cv2.imwrite(str(tmp_path / '1.bmp'), large)
    assert len(read_file(str(tmp_path / '1.bmp'))) > 2**24
    assert FrameFolderReader(str(tmp_path)).read([0])[0].shape == large.shape
    with pytest.raises(VideoReadError, match=r'larger .* than an image of max_pixels=1000 can be'):
        read_file(str(tmp_path / '1.bmp'), 1000)
