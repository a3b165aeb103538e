"""Every known list layout is found from the content; an ambiguous list is refused with the line."""

import re

import pytest

from auxskd_mm.datasets.list_formats import Length, line_number, read_list
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


RECORDING = {'match one.mp4': Length(9000, 360.0), 'b': Length(1500, 60.0), 'clip.mp4': Length(40, 1.6)}


@pytest.mark.parametrize(
    ('text', 'layout', 'second'),
    [
        ('a.mp4 0 10.0\na.mp4 10 20\n', 'path start end', ('a.mp4#t=10,20', None, None)),
        ('a 0 1e1\na .5 20\n', 'path start end', ('a#t=0.5,20', None, None)),
        ('"my frames" 0.0 1\n"my frames" 1 2\n', 'path start end', ('my frames#t=1,2', None, None)),
        # Whole numbers: a video has one frame count, so a second end means windows.
        ('a.mp4 0 10\na.mp4 10 20\n', 'path start end', ('a.mp4#t=10,20', None, None)),
        ('a.mp4 0 10\na.mp4 0 20\n', 'path start end', ('a.mp4#t=0,20', None, None)),
        # Whole numbers, one line for each video: they are opened.
        ('match one.mp4 0 10\nb 20 50\n', 'path start end', ('b#t=20,50', None, None)),
        ('b 0 10\nclip.mp4 0 1\n', 'path start end', ('clip.mp4#t=0,1', None, None)),
        ('match one.mp4 0 9000\nb 1 1500\n', 'path label num_frames', ('b', 1500, 1)),
        ('match one.mp4 9000 0\nb 1500 1\n', 'path num_frames label', ('b', 1500, 1)),
        ('gone 0 120\nlost 0 90\n', 'path label num_frames', ('lost', 90, 0)),
        ('a.mp4 0 120 3\nb c.mp4 1.5 2 0\n', 'path start end label', ('b c.mp4#t=1.5,2', None, 0)),
        # Windows of one class may overlap, and those of two may touch.
        ('a 0 4 1\na 2 6 1\na 6 8 0\n', 'path start end label', ('a#t=2,6', None, 1)),
        ('a.mp4#t=0,2\nb.mp4\n', 'path', ('b.mp4', None, None)),
        ('b c.mp4#t=0,2 0\nd e.mp4#t=2,3.5 1\n', 'path label', ('d e.mp4#t=2,3.5', None, 1)),
    ],
)
def test_windows_are_told_apart(write, text, layout, second):
    entries, found = read_list(write(text), probe=RECORDING.get)
    assert (found, tuple(entries[1])) == (layout, second)


@pytest.mark.parametrize(
    ('text', 'line', 'says'),
    [
        ('a 0.0 1\na 3 2.5\n', "line 2 'a 3 2.5'", 'start 3 is not before end 2.5'),
        ('a 0 10\na 20 20\n', "line 2 'a 20 20'", 'start 20 is not before end 20'),
        ('a 0.0 1\n\n# a comment\na -1 2\n', "line 4 'a -1 2'", 'start -1 is negative'),
        ('a 0 1\na nan 2\n', "line 2 'a nan 2'", 'expected two numbers of seconds'),
        ('a 0 1 0\na 1 inf 0\n', "line 2 'a 1 inf 0'", 'expected two numbers of seconds'),
        ('a 0 1 0\na 1 2 0.5\n', "line 2 'a 1 2 0.5'", 'label 0.5: expected a whole number'),
        ('a 0 1 0\na 1 2 -1\n', "line 2 'a 1 2 -1'", 'label -1 is negative'),
        ('a 0 9 0\nb 0 2 1\na 2 3 0\na 8 12 1\n', "line 4 'a 8 12 1'", "overlaps line 1 'a 0 9 0'"),
        ('a#t=0,9 0\nb#t=0,2 1\na#t=2,3 0\na#t=8,12 1\n', "line 4 'a#t=8,12 1'", "overlaps line 1 'a#t=0,9 0'"),
        ('a 1.5\n', "line 1 'a 1.5'", 'expected a whole number'),
    ],
)
def test_a_wrong_window_is_named_with_its_line(write, text, line, says):
    with pytest.raises(InputError, match=re.escape(says)) as error:
        read_list(write(text), list_format='path label' if text == 'a 1.5\n' else 'auto')
    assert line in str(error.value)
    assert '\n' not in str(error.value)


def test_a_labelled_list_of_windows_has_labels(write):
    with pytest.raises(InputError, match=re.escape("windows without a label; expected lines 'path start end label'")):
        read_list(write('a 0 1.5\n'), labeled=True)
    assert read_list(write('a 0 1.5 3\n'), labeled=True)[0][0] == ('a#t=0,1.5', None, 3)


@pytest.mark.parametrize(
    ('text', 'line', 'says'),
    [
        ('', '', 'empty'),
        ('a.mp4 1\nb.mp4\n', "line 2 'b.mp4'", '1 columns, but line 1 has 2'),
        ('a.mp4\nb.mp4 3 4\n', "line 2 'b.mp4 3 4'", '3 columns, but line 1 has 1'),
        ('a.mp4 1 2 3 4\n', "line 1 'a.mp4 1 2 3 4'", 'expected 1 to 4 columns'),
        ('a b 12\n', "line 1 'a b 12'", 'expected 1 to 4 columns'),
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


@pytest.mark.parametrize('number', ['nan', 'inf', '1.5'])
def test_a_number_that_is_no_count_is_one_line(write, number):
    with pytest.raises(InputError, match=rf"line 2 'b/y.mp4 {number}': {number}: expected a whole number"):
        read_list(write(f'a/x.mp4 30\nb/y.mp4 {number}\n'))
    with pytest.raises(InputError, match=rf"'b/y.mp4 {number}': label {number}: expected a whole number"):
        read_list(write(f'a/x.mp4 30\nb/y.mp4 {number}\n'), labeled=True)


def test_an_empty_delimiter_is_one_line(write):
    with pytest.raises(InputError, match=r"delimiter='': expected the sign between the columns"):
        read_list(write('a.mp4 3\n'), delimiter='')


@pytest.mark.parametrize(
    ('number', 'frames', 'layout'),
    [(105, 100, 'num_frames'), (106, 100, 'label'), (95, 100, 'num_frames'), (12, 10, 'num_frames'), (13, 10, 'label')],
)
def test_a_count_may_be_off_by_two_frames_or_a_twentieth(write, number, frames, layout):
    assert read_list(write(f'a.mp4 {number}\n'), probe=lambda name: frames)[1] == f'path {layout}'


@pytest.mark.parametrize(
    ('numbers', 'layout'),
    [
        (dict(x=(8, 9), y=(10, 9)), 'path num_frames'),
        (dict(x=(7, 9), y=(10, 9)), None),  # fewer frames than clips have
        (dict(x=(21, 21), y=(35, 35)), 'path label'),
        (dict(x=(21, 21), y=(35,)), None),  # too few lines
        (dict(x=(30, 31), y=(40, 40), z=(50, 50)), None),  # most classes have one number
        (dict(x=(30, 31), y=(40, 41), z=(50, 50)), 'path num_frames'),
        (dict(x=(30, 31), y=(31, 31)), None),  # two numbers for two classes, but not one each
        (dict(x=(30, 30), y=(30, 30)), None),
    ],
)
def test_class_folders_tell_labels_from_counts(write, numbers, layout):
    text = ''.join(f'{folder}/{i} {number}\n' for folder, each in numbers.items() for i, number in enumerate(each))
    if layout is None:
        with pytest.raises(InputError, match='ambiguous: the number may be a label or a frame count'):
            read_list(write(text))
    else:
        assert read_list(write(text))[1] == layout


def test_a_video_with_two_labels_is_no_recording_with_two_windows(write):
    assert read_list(write('a.mp4 30 0\na.mp4 30 1\n'))[1] == 'path num_frames label'


def test_a_count_at_one_frame_per_second_is_no_window(write):
    assert read_list(write('a.mp4 0 10\n'), probe=lambda name: Length(10, 10.0))[1] == 'path label num_frames'
    assert read_list(write('a.mp4 0 10\n'), probe=lambda name: Length(250, 10.0))[1] == 'path start end'


@pytest.mark.parametrize(('seconds', 'layout'), [(59.95, 'path start end'), (59.8, 'path label num_frames')])
def test_a_window_may_pass_the_end_a_little(write, seconds, layout):
    assert read_list(write('b 0 60\n'), probe=lambda name: Length(1500, seconds))[1] == layout


def test_marks_of_windows_programs_and_odd_signs_in_names(tmp_path):
    (tmp_path / 'some.list').write_bytes(b'\xef\xbb\xbfa.mp4 0\r\n' + 'b\u2028c.mp4 1\n'.encode())
    assert [entry.name for entry in read_list(str(tmp_path / 'some.list'))[0]] == ['a.mp4', 'b\u2028c.mp4']
    assert line_number(str(tmp_path / 'some.list'), 1) == 2


def test_counts_in_the_place_of_labels_are_refused(write):
    says = 'the number counts the frames of the video, and is no label'
    with pytest.raises(InputError, match=says):
        read_list(write(K100), labeled=True)
    with pytest.raises(InputError, match=says):
        read_list(write('a.mp4 30\nb.mp4 41\n'), labeled=True, probe={'a.mp4': 30, 'b.mp4': 40}.get)
    # All of one class, whose number happens to be the length.
    assert read_list(write('a.mp4 30\nb.mp4 30\n'), labeled=True, probe=lambda name: 30)[0][1].label == 30


def test_windows_need_not_be_in_order(write):
    assert len(read_list(write('a 5 8 1\na 0 4 0\n'))[0]) == 2
    with pytest.raises(InputError, match=r"line 1 'a 5 8 1': overlaps line 2 'a 0 6 0'"):
        read_list(write('a 5 8 1\na 0 6 0\n'))
