"""The drawn pixels: frames where they belong, thick rims where the clip is paced, text from outside as text."""

import numpy as np
import pytest
from PIL import Image

from auxskd_mm.visualization.clip_sheet import PACED, SheetClip, draw_clip_sheet, fit_frame, render_clip_sheet

RIM = tuple(int(PACED[i : i + 2], 16) for i in (1, 3, 5))


def clip(paced, caption='speed 2x', size=(30, 40), colour=(0, 90, 200)):
    frames = np.broadcast_to(np.array(colour, np.uint8), (len(paced), *size, 3))
    return SheetClip(frames, list(range(len(paced))), paced, caption)


def count(picture, colour):
    return int((picture == np.array(colour)).all(-1).sum())


def test_only_paced_frames_have_the_thick_rim():
    none, one, two = (count(render_clip_sheet([clip(p)]), RIM) for p in ([0, 0, 0], [0, 1, 0], [1, 0, 1]))
    assert none == 0
    assert one > 500
    assert two == 2 * one


def test_every_frame_of_every_row_is_there():
    picture = render_clip_sheet([clip([0] * 3), clip([0] * 7, colour=(200, 90, 0), size=(60, 20))])
    cell = 91 * 68  # pixels of a 40 x 30 frame at 0.91 inches width and 100 dpi
    assert 0.9 < count(picture, (0, 90, 200)) / (3 * cell) < 1.03
    tall = 130 * 43  # at the largest height of 1.3 inches
    assert 0.9 < count(picture, (200, 90, 0)) / (7 * tall) < 1.05


def test_text_of_a_wide_sheet_is_larger_by_as_much_as_pages_shrink_it():
    narrow, wide = (
        render_clip_sheet([clip([0] * n, caption='', size=(2, 2), colour=(255, 255, 255))], 'HHHH') for n in (8, 16)
    )
    tops = []
    for picture in (narrow, wide):
        rows = np.flatnonzero((picture < 128).any((1, 2)))  # the title comes first
        tops.append(int(np.flatnonzero(np.diff(rows) > 1)[0]) + 1)
    # 8 frames are 7.8 inches wide and stay as they are, 16 are 15.4 and shrink to 10.
    assert tops[1] / tops[0] == pytest.approx(1.54, rel=0.1), tops


def test_a_hostile_name_is_drawn_as_text_and_the_file_written(tmp_path):
    path = draw_clip_sheet(
        [clip([0, 1], caption='$\\frac{' + 'a' * 500 + '\n<script>')], tmp_path / 'new' / 'x.png', '$x'
    )
    assert Image.open(path).width == 600  # the least width, however long the caption


def test_large_frames_are_reduced_and_small_ones_kept():
    large = fit_frame(np.full((1000, 2000, 3), 7, np.uint8), 100)
    assert (large.shape, large.min(), large.max()) == ((50, 100, 3), 7, 7)
    small = np.zeros((3, 4, 3), np.uint8)
    assert fit_frame(small, 100) is small
