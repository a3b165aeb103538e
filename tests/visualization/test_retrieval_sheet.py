"""Retrieval examples."""

import cv2
import matplotlib
import numpy as np
import pytest
from conftest import read_count, write_video

from auxskd_mm.visualization.retrieval_sheet import RIGHT, WRONG, Example, Found, draw_retrieval_sheet, thumbnail


def test_a_thumbnail_shows_three_evenly_spread_frames(tmp_path):
    sheet = thumbnail(write_video(tmp_path / 'v.mp4', num_frames=24), size=(64, 48))
    assert sheet.shape == (48, 3 * 66 - 2, 3)
    assert [read_count(sheet[:, i * 66 : i * 66 + 64]) for i in range(3)] == [4, 12, 20]


def test_other_shapes_keep_theirs_and_broken_videos_are_grey(tmp_path):
    wide = thumbnail(write_video(tmp_path / 'w.mp4', size=(96, 48)), size=(64, 64))
    # 96 x 48 becomes 64 x 32, in the middle of grey.
    assert (wide[:16, :64] == 128).all()
    assert (wide[48:, :64] == 128).all()
    assert wide[16:48, :64].std() > 10
    (tmp_path / 'broken.mp4').write_bytes(b'x')
    for path in (tmp_path / 'broken.mp4', tmp_path / 'none.mp4'):
        assert np.unique(thumbnail(str(path))[:, :72]).tolist() == [128]


def shades(picture, colour):
    rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return int((np.abs(picture[..., ::-1].astype(int) - rgb).max(-1) < 3).sum())


@pytest.mark.parametrize('right', [True, False])
def test_right_and_wrong_have_their_colours(right, tmp_path):
    video = write_video(tmp_path / '$odd.mp4')
    found = [Found(video, '$name_1\n', 0.5, right)] * 2
    path = draw_retrieval_sheet([Example(video, 'q$', found), Example(video, 'q', found[:1])], tmp_path / 'o' / 's.png')
    picture = cv2.imread(str(path))
    assert (shades(picture, RIGHT) > 200) is right
    assert (shades(picture, WRONG) > 200) is not right


def test_the_backend_of_a_notebook_stays(tmp_path):
    before = matplotlib.get_backend()
    matplotlib.use('svg')
    try:
        draw_retrieval_sheet([Example('none.mp4', 'q', [])], tmp_path / 's.png')
        assert matplotlib.get_backend() == 'svg'
    finally:
        matplotlib.use(before)
