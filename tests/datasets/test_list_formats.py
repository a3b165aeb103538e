"""Every known list layout is found from the content; an ambiguous list is refused with the line."""

import re

import pytest

from auxskd_mm.datasets.list_formats import read_list
from auxskd_mm.errors import InputError


@pytest.fixture
def write(tmp_path):
    def writer(text):
        path = tmp_path / 'some.list'
        path.write_text(text)
        return str(path)

    return writer


# Layouts as they come: excerpts of the lists that the original repositories use, and MMAction2's own two.
K100 = 'piano/a_01 300\npiano/b_02 250\npiano/c 300\nsoccer/d 33\nsoccer/e 300\nsoccer/f 120\n'
UCF101 = 'v_Apply_g08_c01 0 120\nv_Apply_g08_c02 0 116\nv_Zumba_g01_c01 1 90\n'
MMACTION_VIDEO = 'piano/a.mp4 0\nsoccer/b.mp4 1\n'
MMACTION_FRAMES = 'piano/a 120 0\nsoccer/b 90 1\n'


@pytest.mark.parametrize(
    ('text', 'layout', 'second'),
    [
        ('a.mp4\nb c.mp4\n', 'path', ('b c.mp4', None, None)),
        (K100, 'path num_frames', ('piano/b_02', 250, None)),
        (UCF101, 'path label num_frames', ('v_Apply_g08_c02', 116, 0)),
        (MMACTION_VIDEO, 'path label', ('soccer/b.mp4', None, 1)),
        (MMACTION_FRAMES, 'path num_frames label', ('soccer/b', 90, 1)),
        # Labels that start at 1, frame counts above all of them.
        ('a 1 30\nb 2 40\n', 'path label num_frames', ('b', 40, 2)),
        ('a 30 1\nb 40 2\n', 'path num_frames label', ('b', 40, 2)),
        # No zero, but every folder has one value of its own.
        ('x/a 21\nx/b 21\ny/c 35\ny/d 35\n', 'path label', ('x/b', None, 21)),
    ],
)
def test_layouts(write, text, layout, second):
    entries, found = read_list(write('# a comment\n\n' + text))
    assert found == layout
    assert tuple(entries[1]) == second
    assert len(entries) == len(text.splitlines())


@pytest.mark.parametrize(
    ('text', 'line', 'says'),
    [
        ('', '', 'empty'),
        ('a.mp4 1\nb.mp4\n', "line 2 'b.mp4'", '1 columns, but line 1 has 2'),
        ('a.mp4\nb.mp4 3 4\n', "line 2 'b.mp4 3 4'", '3 columns, but line 1 has 1'),
        ('a.mp4 1 2 3\n', "line 1 'a.mp4 1 2 3'", 'expected 1 to 3 columns'),
        ('a b 12\n', "line 1 'a b 12'", 'expected 1 to 3 columns'),
        ('a.mp4 300\n', "line 1 'a.mp4 300'", 'ambiguous'),
        ('a 5 7\nb 8 6\n', "line 1 'a 5 7'", 'ambiguous'),
        ('a 0 0\n', "line 1 'a 0 0'", 'ambiguous'),
        ('a 100 1\nb 0 0\nc 90 2\n', '', 'ambiguous'),
    ],
)
def test_refused_with_the_line(write, text, line, says):
    with pytest.raises(InputError, match=re.escape(says)) as error:
        read_list(write(text))
    assert line in str(error.value)
    assert '\n' not in str(error.value)


def test_an_ambiguous_list_is_settled_by_opening_videos(write):
    frames = {'a.mp4': 300, 'b.mp4': 251}
    probe = frames.get
    assert read_list(write('a.mp4 300\nb.mp4 250\n'), probe=probe)[1] == 'path num_frames'
    assert read_list(write('a.mp4 30\nb.mp4 25\n'), probe=probe)[1] == 'path label'
    assert read_list(write('a.mp4 400 300\nb.mp4 25 250\n'), probe=probe)[1] == 'path label num_frames'
    with pytest.raises(InputError, match='ambiguous'):
        read_list(write('a.mp4 300\nb.mp4 25\n'), probe=probe)  # one fits, the other does not


def test_two_labels_of_a_video_are_no_label_and_frame_count(write):
    frames = {'a.mp4': 300, 'b.mp4': 251}
    with pytest.raises(InputError, match='expected one label for each video'):
        read_list(write('a.mp4 0 1\nb.mp4 0 2\n'), probe=frames.get)
    assert read_list(write('a.mp4 0 5\nb.mp4 1 6\n'), probe={'a.mp4': 5, 'b.mp4': 6}.get)[1] == 'path label num_frames'


def test_named_layouts_and_delimiters(write):
    path = write('some clip.mp4, 7\n')
    assert read_list(path, list_format='path label', delimiter=',')[0][0] == ('some clip.mp4', None, 7)
    with pytest.raises(InputError, match='has 3 columns, the line has 2'):
        read_list(path, list_format='path label num_frames', delimiter=',')
    with pytest.raises(InputError, match="list_format='labels'"):
        read_list(path, list_format='labels')
    with pytest.raises(InputError, match='a video with 0 frames'):
        read_list(write('a 0\n'), list_format='path num_frames')
    with pytest.raises(InputError, match='whole numbers'):
        read_list(write('a.mp4,x\n'), delimiter=',')


def test_missing_and_binary_lists(tmp_path):
    with pytest.raises(InputError, match='no such list file'):
        read_list(str(tmp_path / 'none.txt'))
    (tmp_path / 'binary').write_bytes(b'\xff\xfe\x00\x81')
    with pytest.raises(InputError, match='cannot be read as a text list'):
        read_list(str(tmp_path / 'binary'))
