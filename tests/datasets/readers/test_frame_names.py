"""What a frame folder is: one name pattern, numbers in order; what else lies there is left out, or the folder refused."""

import pytest

from auxskd_mm.datasets.readers.frame_names import find_frames, is_numbered, natural_key
from auxskd_mm.errors import VideoReadError


def frames_of(folder, *names):
    for name in names:
        (folder / name).touch()
    return find_frames(str(folder))


def rows(*patterns, count=3):
    return [pattern.replace('*', f'{i:05}') for pattern in patterns for i in range(1, count + 1)]


def test_hidden_files_and_other_files_are_no_frames(tmp_path):
    found = frames_of(tmp_path, *rows('img_*.jpg', '._img_*.jpg'), 'Thumbs.db', '.DS_Store', 'cover.jpg')
    assert found.frames == rows('img_*.jpg')
    assert found.left_out == [*rows('._img_*.jpg'), 'cover.jpg']
    assert found.note == '4 other images such as ._img_00001.jpg left out'


@pytest.mark.parametrize(
    ('pictures', 'others'),
    [
        ('img_*.jpg', ['x_*.jpg', 'y_*.jpg']),
        ('img_*.jpg', ['flow_x_*.jpg', 'flow_y_*.jpg']),
        ('image_*.png', ['flow_x*.jpg']),
        ('frame*.jpg', ['u*.jpg', 'v*.jpg']),
        ('*.jpg', ['*_x.jpg', '*_y.jpg']),
        ('v_run_g01_c02_*.jpg', ['x_*.jpg', 'y_*.jpg']),
        ('img_*.jpg', ['thumb_1.jpg']),
        ('IMG_*.JPG', ['FLOW_X_*.JPG']),
    ],
)
def test_optical_flow_and_a_lone_picture_are_left_out(tmp_path, pictures, others):
    assert frames_of(tmp_path, *rows(pictures), *rows(*others, count=1), *rows(*others)).frames == rows(pictures)


@pytest.mark.parametrize(
    ('patterns', 'says'),
    [
        (('img_*.jpg', 'depth_*.jpg'), r'2 name patterns, not of one: depth_\*.jpg \(3\), img_\*.jpg \(3\); put each'),
        (('img_*.jpg', 'img_*.png'), r'img_\*.jpg \(3\), img_\*.png \(3\)'),
        (('x_*.jpg', 'y_*.jpg'), r'x_\*.jpg \(3\), y_\*.jpg \(3\)'),
        (('a*.jpg', 'b*.jpg', 'x_*.jpg'), r'a\*.jpg \(3\), b\*.jpg \(3\)'),
    ],
)
def test_several_patterns_are_refused(tmp_path, patterns, says):
    with pytest.raises(VideoReadError, match=says):
        frames_of(tmp_path, *rows(*patterns))


def test_lone_pictures_are_left_out_beside_one_video_alone(tmp_path):
    (tmp_path / 'a').mkdir()
    (tmp_path / 'b').mkdir()
    with pytest.raises(VideoReadError, match=r'2 name patterns, not of one: a_\*.jpg \(1\), b_\*.jpg \(1\)'):
        frames_of(tmp_path / 'a', 'a_1.jpg', 'b_1.jpg')
    with pytest.raises(VideoReadError, match=r'3 name patterns, .* a_\*.jpg \(3\), b_\*.jpg \(3\), thumb_\*.jpg \(1\)'):
        frames_of(tmp_path / 'b', *rows('a_*.jpg', 'b_*.jpg'), 'thumb_1.jpg')


def test_frames_of_several_videos_in_one_folder_are_refused(tmp_path):
    with pytest.raises(VideoReadError, match=r'seems to hold several videos: clip1_00001.jpg and clip2_00001.jpg have'):
        frames_of(tmp_path, *rows('clip1_*.jpg', 'clip2_*.jpg'))


@pytest.mark.parametrize(
    'names',
    [
        ['00-59.jpg', '01-00.jpg', '01-59.jpg', '02-00.jpg'],  # minutes and seconds
        ['f_0.96.jpg', 'f_1.00.jpg', 'f_1.96.jpg'],  # seconds
        ['9.png', '10.png', '100.png'],
        ['f001_50fps.jpg', 'f002_50fps.jpg'],
    ],
)
def test_times_and_widths_are_in_order(tmp_path, names):
    assert frames_of(tmp_path, *reversed(names)).frames == names


def test_one_number_twice_is_refused(tmp_path):
    with pytest.raises(VideoReadError, match=r'holds frame 1 twice: img_(1|01).jpg and img_(1|01).jpg; remove'):
        frames_of(tmp_path, 'img_1.jpg', 'img_01.jpg', 'img_2.jpg')


def test_images_without_a_number_are_no_frames(tmp_path):
    with pytest.raises(VideoReadError, match=r'holds 2 images such as a.jpg, but a frame has a number in its name'):
        frames_of(tmp_path, 'a.jpg', 'b.jpg')
    with pytest.raises(VideoReadError, match=r'holds no frames \(expected images'):
        find_frames(str(tmp_path.joinpath('empty').mkdir() or tmp_path / 'empty'))


@pytest.mark.parametrize(
    ('numbers', 'note'),
    [
        ([1, 2, 3], ''),
        ([0, 5, 10], ''),
        ([7], ''),
        ([1, 2, 9, 10, 12], '7 frame numbers are missing, 3 the first of them'),
        ([0, 5, 15], '1 frame numbers are missing, 10 the first of them'),
        ([0, 2, 5], 'its frame numbers are unevenly spaced'),
    ],
)
def test_missing_numbers_are_told(tmp_path, numbers, note):
    assert frames_of(tmp_path, *(f'img_{i:05}.jpg' for i in numbers)).note == note


def test_numbers():
    assert is_numbered('a1.jpg')
    assert not is_numbered('a.jp2')
    assert sorted(['f10', 'f9', 'f²', 'f1'], key=natural_key) == ['f1', 'f9', 'f10', 'f²']


def test_times_with_unequal_decimals_are_refused(tmp_path):
    """As whole numbers, 2 comes before 4, so 0.2 would stand before 0.04."""
    with pytest.raises(
        VideoReadError, match=r'times with unequal decimals: f_0.0.jpg and f_0.04.jpg; give each the same'
    ):
        frames_of(tmp_path, *(f'f_{i / 25}.jpg' for i in range(8)))


def test_the_shortest_decimals_need_not_be_the_smallest(tmp_path):
    with pytest.raises(VideoReadError, match=r'unequal decimals: 0.9.jpg and 0.04.jpg; give each'):
        frames_of(tmp_path, '0.04.jpg', '0.10.jpg', '0.9.jpg')


def test_times_without_a_zero_before_the_point_are_times(tmp_path):
    """The decimals were taken for a count: .2 s stood before .04 s."""
    with pytest.raises(VideoReadError, match=r'unequal decimals: t.2.jpg and t.04.jpg; give each'):
        frames_of(tmp_path, 't.04.jpg', 't.08.jpg', 't.2.jpg')


@pytest.mark.parametrize(
    ('names', 'two'),
    [
        ([f'{i / 4}' for i in range(6)], '0.0.jpg and 0.25.jpg'),
        ([f'a1_{i / 8}' for i in range(1, 12)], 'a1_0.5.jpg and a1_0.25.jpg'),
        (['t.5', 't.25', 't.75'], 't.5.jpg and t.25.jpg'),
    ],
)
def test_times_without_a_zero_behind_the_point_are_times(tmp_path, names, two):
    """0.25 s stood behind 0.5 s."""
    with pytest.raises(VideoReadError, match=f'unequal decimals: {two}; give each'):
        frames_of(tmp_path, *(f'{name}.jpg' for name in names))


@pytest.mark.parametrize(
    'names',
    [
        ['1.8', '1.9', '1.10', '1.11', '2.1'],  # shots and their frames
        ['v.9', 'v.10', 'v.12'],
        ['v.5', 'v.25'],  # even steps either way
        ['v.5', 'v.10', 'v.15'],
    ],
)
def test_counts_behind_a_point_are_counts(tmp_path, names):
    found = frames_of(tmp_path, *(f'{name}.jpg' for name in names))
    assert found.frames == [f'{name}.jpg' for name in names]


@pytest.mark.parametrize('start', ['', 't', 't_'])
def test_times_with_and_without_a_zero_are_refused(tmp_path, start):
    """The frames of the first second were left out, as hidden files or a lone picture."""
    less, more = f'{start}.96.jpg', f'{start}1.00.jpg'
    with pytest.raises(
        VideoReadError, match=rf'some without a zero before the point: {less} and {more}; write the zero'
    ):
        frames_of(tmp_path, less, more, f'{start}1.04.jpg')


def test_hidden_images_alone_are_named(tmp_path):
    with pytest.raises(VideoReadError, match=r'no frames .*; 2 hidden ones such as .04.jpg are left out'):
        frames_of(tmp_path, '.04.jpg', '.08.jpg')


@pytest.mark.parametrize(
    'names',
    [
        ['1.9.jpg', '1.10.jpg'], ['1.09.jpg', '1.100.jpg'], ['1-2.jpg', '1-03.jpg'], ['f.1.jpg', 'f.2.jpg', 'f.10.jpg'],
        ['f.09.jpg', 'f.10.jpg', 'f.100.jpg'], ['f2.jpg', 'f03.jpg'],
    ],
)  # fmt: skip
def test_counts_behind_a_point_are_no_decimals(tmp_path, names):
    assert frames_of(tmp_path, *names).frames == names


def test_suffixes_of_both_cases_are_one_pattern_and_folders_are_no_frames(tmp_path):
    (tmp_path / 'img_3.jpg').mkdir()
    assert frames_of(tmp_path, 'img_1.jpg', 'img_2.JPG', 'img_4.JPG', 'img_5.jpg').frames == [
        'img_1.jpg', 'img_2.JPG', 'img_4.JPG', 'img_5.jpg',
    ]  # fmt: skip
