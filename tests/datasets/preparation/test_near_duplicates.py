"""Copies and other encodings are found across a split; other clips, black ones and unreadable ones are not."""

import re
import shlex

import av
import cv2
import numpy as np
from tool_runs import call_tool

from auxskd_mm.datasets.preparation.near_duplicates import near_duplicates


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
