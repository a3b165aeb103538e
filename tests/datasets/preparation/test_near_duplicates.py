"""Copies and other encodings are found across a split; other clips, black ones and unreadable ones are not."""

import re
import shlex

import av
import cv2
import numpy as np
import pytest
from tool_runs import call_tool

from auxskd_mm.datasets.preparation.near_duplicates import clip_hash, near_duplicates


def write(path, seed, crf=20, dark=False):
    """Twenty frames of a pattern that moves."""
    picture = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    picture = cv2.resize(picture, (64, 48), interpolation=cv2.INTER_CUBIC) // (200 if dark else 1)
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('libx264', rate=25)
        stream.width, stream.height, stream.pix_fmt, stream.options = 64, 48, 'yuv420p', {'crf': str(crf)}
        for i in range(20):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.roll(picture, i, 1)), format='rgb24')
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return str(path)


def test_what_looks_the_same_on_both_sides(tmp_path):
    train = [write(tmp_path / f'train{i}.mp4', i) for i in range(8)]
    test = [write(tmp_path / f'test{i}.mp4', 100 + i) for i in range(4)]
    assert near_duplicates(train, test) == ([], 4, 8)
    coarse = write(tmp_path / 'coarse.mp4', 5, crf=38)
    empty = tmp_path / 'empty.mp4'
    empty.touch()
    black = [write(tmp_path / f'black{i}.mp4', i, dark=True) for i in range(2)]
    found = near_duplicates([*train, black[0]], [*test, coarse, str(empty), black[1]])
    assert found == ([(coarse, train[5])], 5, 8)
    assert near_duplicates(train, test, most=6)[1:] == (2, 4)
    assert near_duplicates([], test).pairs == []


def stack(path, areas):
    """A stack of grey frames of 8 x 9 areas (N, 8, 9), each of 5 x 5 pixels."""
    np.save(path, np.asarray(areas, np.uint8).repeat(5, 1).repeat(5, 2))
    return str(path)


def test_bits_tell_where_the_right_neighbour_is_brighter(tmp_path):
    areas = np.random.default_rng(0).permuted(np.tile(np.arange(72) * 3, (44, 1)), axis=1).reshape(44, 8, 9)
    bits = clip_hash(stack(tmp_path / 'a.npy', areas))
    for row, frame in zip(bits, (10, 21, 32)):  # at 0.25, 0.5 and 0.75 of 43, rounded down
        np.testing.assert_array_equal(row, (np.diff(areas[frame], axis=1) > 0).ravel())


@pytest.mark.parametrize(
    ('frame', 'number', 'found'), [(1, 4, True), (1, 5, False), (2, 5, False), (3, 5, False), (4, 8, True)]
)
def test_each_of_the_three_frames_may_differ_in_four_bits(tmp_path, frame, number, found):
    ramp = np.tile(np.arange(9) * 20 + 20, (5, 8, 1))
    other = ramp.copy()
    other[frame, :number, -1] = 0  # the last area of a row is no longer brighter than the one before
    one, two = stack(tmp_path / 'one.npy', ramp), stack(tmp_path / 'two.npy', other)
    assert near_duplicates([one], [two]).pairs == [(two, one)] * found


@pytest.mark.parametrize(
    ('blank', 'contrast', 'left_out'), [(2, 7.9, True), (2, 8.1, False), (1, 0, True), (3, 0, True), (0, 0, False)]
)
def test_a_clip_with_a_blank_frame_is_left_out(tmp_path, blank, contrast, left_out):
    areas = np.tile(np.arange(9) * 20, (5, 8, 1))
    areas[blank] = np.tile([100.5 - contrast, 100.5 + contrast], 36).reshape(8, 9).round()
    assert areas[blank].std() == pytest.approx(contrast, abs=0.6)
    assert (clip_hash(stack(tmp_path / 'a.npy', areas)) is None) == left_out


def test_the_share_of_each_side_is_rounded_up(tmp_path):
    assert near_duplicates([], []) == ([], 0, 0)
    ramp = stack(tmp_path / 'a.npy', np.tile(np.arange(9) * 20, (5, 8, 1)))
    assert near_duplicates([ramp] * 9, [ramp], most=5)[1:] == (1, 5)


def test_the_tool_says_that_no_groups_were_given_and_which_the_names_suggest(tmp_path, monkeypatch, capfd):
    folder = tmp_path / 'videos'
    for number in range(16):
        name, speaker, take = ('jump', 'wave')[number // 8], number % 8 // 2, number % 2
        (folder / name).mkdir(parents=True, exist_ok=True)
        # Both takes of a speaker are one recording, so that some of them lie on both sides.
        write(
            folder / name / f"o'neil{speaker:02d}_{name}_{take}.mp4", 100 * (number // 8) + speaker, crf=20 + 10 * take
        )
    ended = call_tool(monkeypatch, capfd, 'data/prepare_folder.py', folder, tmp_path / 'lists')
    assert ended.code == 0, ended.err
    assert 'no groups given: clips of one person, scene or recording may be in both train and test' in ended.out
    proposed = re.search(r"suggest 4 groups \(o'neil00, .* \.\.\.\), (\d) of them on both sides now: (.*)", ended.out)
    assert int(proposed.group(1)) > 0
    assert 'train 12 clips, test 4 clips, pool 12' in ended.out
    assert re.search(r'[1-4] of 4 test clips looked at are nearly the same as a training clip, such as ', ended.out)
    divided = call_tool(monkeypatch, capfd, 'data/prepare_folder.py', folder, tmp_path / 'windows', '--window', 0.4)
    assert 'train 24 clips of 12 groups, test 8 clips of 4 groups' in divided.out
    assert [line for line in divided.out.splitlines() if 'groups given' in line or 'suggest' in line] == [
        line for line in ended.out.splitlines() if 'groups given' in line or 'suggest' in line
    ]
    option, pattern = shlex.split(proposed.group(2))
    ended = call_tool(monkeypatch, capfd, 'data/prepare_folder.py', folder, tmp_path / 'lists', option, pattern)
    assert ended.out.strip().splitlines()[-1].startswith('train 12 clips of 3 groups, test 4 clips of 1 groups')
    assert 'no groups given' not in ended.out
    assert 'nearly the same' not in ended.out
