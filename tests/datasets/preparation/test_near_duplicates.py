"""Copies and other encodings are found across a split; other clips, black ones and unreadable ones are not."""

import av
import cv2
import numpy as np

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
