"""ClipRandomCrop: every offset equally often, one draw per clip, and otherwise MMAction2's RandomCrop."""

import numpy as np
import pytest
from mmaction.datasets.transforms import RandomCrop
from mmcv.transforms import Compose

from auxskd_mm.datasets.transforms import ClipRandomCrop, PerView
from auxskd_mm.errors import InputError

ROWS, COLUMNS = np.mgrid[:5, :7].astype(np.uint8)
WHERE = np.stack([ROWS, COLUMNS, ROWS], -1)


def sample(num_clips=1, clip_len=3):
    imgs = [WHERE.copy() for _ in range(num_clips * clip_len)]
    return dict(imgs=imgs, img_shape=(5, 7), num_clips=num_clips, clip_len=clip_len)


def test_offsets_are_uniform_with_both_ends():
    np.random.seed(0)
    crop, counts = ClipRandomCrop(3), np.zeros((3, 5))
    for _ in range(6000):
        row, column, _ = crop(sample(clip_len=1))['imgs'][0][0, 0]
        counts[row, column] += 1
    # 15 cells of 400 +- 19 each; five deviations, and no cell outside the grid.
    assert np.abs(counts - 400).max() < 97
    # MMAction2 leaves out the last row and column.
    assert {tuple(RandomCrop(3)(sample(clip_len=1))['imgs'][0][0, 0, :2]) for _ in range(300)} == {
        (row, column) for row in range(2) for column in range(4)
    }


def test_the_frames_are_those_of_the_box_and_share_it():
    np.random.seed(1)
    results = ClipRandomCrop(3)(sample())
    left, top, right, bottom = results['crop_bbox']
    assert (right - left, bottom - top) == (3, 3)
    assert results['img_shape'] == (3, 3)
    assert len(results['imgs']) == 3
    for frame in results['imgs']:
        assert np.array_equal(frame, WHERE[top:bottom, left:right])
    assert np.allclose(results['crop_quadruple'], [left / 7, top / 5, 3 / 7, 3 / 5])


def test_views_draw_for_themselves():
    np.random.seed(2)
    corners = [
        tuple(frame[0, 0]) for frame in PerView([dict(type='auxskd_mm.ClipRandomCrop', size=1)])(sample(4))['imgs']
    ]
    assert all(len(set(corners[first : first + 3])) == 1 for first in range(0, 12, 3))
    assert len(set(corners)) > 1


def test_a_crop_of_the_whole_frame_and_the_lazy_way():
    assert np.array_equal(
        ClipRandomCrop(5)(dict(sample(), imgs=[WHERE[:, :5]], img_shape=(5, 5)))['imgs'][0], WHERE[:, :5]
    )
    np.random.seed(3)
    plain = ClipRandomCrop(3)(sample())['imgs']
    np.random.seed(3)
    lazy = Compose([ClipRandomCrop(3, lazy=True), dict(type='Fuse')])(sample())['imgs']
    assert all(np.array_equal(a, b) for a, b in zip(plain, lazy))


def test_bad_sizes():
    with pytest.raises(InputError, match=r'ClipRandomCrop.size=0: expected at least 1 pixel'):
        ClipRandomCrop(0)
    with pytest.raises(
        InputError, match=r'size=6 does not fit frames of 5 x 7 \(height x width\); put a larger Resize'
    ) as error:
        ClipRandomCrop(6)(sample())
    assert '\n' not in str(error.value)
