"""Each pooling against loops over the map."""

import itertools
import math

import pytest
import torch

from auxskd_mm.errors import InputError
from auxskd_mm.models.modules.protocol_pooling import pool_for_protocol, stage_maps, stage_widths

MAP = torch.arange(2 * 3 * 2 * 5 * 4, dtype=torch.float32).reshape(2, 3, 2, 5, 4).sin()


def test_vcop_is_the_flattened_block_maximum():
    pooled = pool_for_protocol(MAP, 'vcop')
    expected = [
        [
            MAP[b, c, t, 2 * h : 2 * h + 2, 2 * w : 2 * w + 2].max().item()
            for c in range(3)
            for t in range(2)
            for h in range(2)  # the fifth row is left over, as in VCOP's 7 x 7
            for w in range(2)
        ]
        for b in range(2)
    ]
    torch.testing.assert_close(pooled, torch.tensor(expected))


def test_the_paper_network_gives_9216():
    assert pool_for_protocol(torch.zeros(1, 512, 2, 7, 7), 'vcop').shape == (1, 9216)


@pytest.mark.parametrize('pooling', ['average', 'rspnet'])
def test_average(pooling):
    expected = [[MAP[b, c].sum().item() / 40 for c in range(3)] for b in range(2)]
    torch.testing.assert_close(pool_for_protocol([MAP], pooling), torch.tensor(expected))


def test_rspnet_max():
    expected = [[sum(MAP[b, c, t].max().item() for t in range(2)) / 2 for c in range(3)] for b in range(2)]
    torch.testing.assert_close(pool_for_protocol((MAP,), 'rspnet_max'), torch.tensor(expected))


def test_stages_are_the_means_of_4_x_2_x_2_blocks_of_each_map_side_by_side():
    maps = [torch.randn(2, width, 8, side, side) for width, side in ((3, 8), (5, 4))]
    expected = []
    for fmap, step in zip(maps, (4, 2)):
        for t, h, w in itertools.product(range(4), range(2), range(2)):
            part = fmap[:, :, 2 * t : 2 * t + 2, step * h : step * h + step, step * w : step * w + step]
            expected.append(part.mean((2, 3, 4)))  # channels last
    torch.testing.assert_close(pool_for_protocol(maps, 'stages'), torch.cat(expected, 1))
    torch.testing.assert_close(pool_for_protocol(maps[0], 'stages'), torch.cat(expected[:16], 1))
    assert stage_widths(maps) == (3, 5)


def test_what_counts_as_stages():
    early, late = torch.randn(2, 3, 8, 8, 8), torch.randn(2, 5, 4, 4, 4)
    assert [fmap.shape for fmap in stage_maps((early, late))] == [early.shape, late.shape]
    assert [fmap.shape for fmap in stage_maps([late])] == [late.shape]
    slow, fast = torch.randn(2, 6, 2, 4, 4), torch.randn(2, 1, 8, 4, 4)
    assert [tuple(fmap.shape[:2]) for fmap in stage_maps((slow, fast))] == [(2, 7)]  # pathways are one map
    with pytest.raises(
        InputError, match=r"pooling='stages' needs maps \(B, C, T, H, W\), the backbone yields \(2, 7\)"
    ):
        stage_maps(torch.randn(2, 7))


@pytest.mark.parametrize(
    ('feats', 'pooling', 'says'),
    [
        (MAP, 'max', "pooling='max': expected one of 'average', 'vcop'"),
        (MAP.mean((2, 3, 4)), 'vcop', r'needs a feature map \(B, C, T, H, W\), the backbone yields \(2, 3\)'),
        ([MAP, MAP], 'rspnet_max', 'yields list'),
        (MAP[..., :1], 'vcop', r'at least 2 x 2, got \(5, 1\)'),
    ],
)
def test_what_does_not_fit(feats, pooling, says):
    with pytest.raises(InputError, match=says):
        pool_for_protocol(feats, pooling)


@pytest.mark.parametrize(
    ('length', 'parts'), [(8, [(0, 2), (2, 4), (4, 6), (6, 8)]), (2, [(0, 1), (0, 1), (1, 2), (1, 2)])]
)
def test_time_is_the_mean_of_each_quarter_of_the_clip(length, parts):
    fmap = torch.arange(2 * 3 * length * 5 * 4, dtype=torch.float32).reshape(2, 3, length, 5, 4).cos()
    expected = [
        [fmap[b, c, first:last].sum().item() / (20 * (last - first)) for c in range(3) for first, last in parts]
        for b in range(2)
    ]
    torch.testing.assert_close(pool_for_protocol(fmap, 'time'), torch.tensor(expected))


@pytest.mark.parametrize(
    ('size', 'parts'),
    [
        ((8, 4, 2), ([(0, 2), (2, 4), (4, 6), (6, 8)], [(0, 2), (2, 4)], [(0, 1), (1, 2)])),
        ((4, 7, 1), ([(0, 1), (1, 2), (2, 3), (3, 4)], [(0, 4), (3, 7)], [(0, 1), (0, 1)])),  # odd sizes share a row
    ],
)
def test_grid_is_the_mean_of_each_part_of_the_frame_in_each_quarter_of_the_clip(size, parts):
    fmap = torch.arange(2 * 3 * math.prod(size), dtype=torch.float32).reshape(2, 3, *size).cos()
    expected = []
    for clip in fmap.tolist():
        means = []
        for channel in clip:
            for (t0, t1), (y0, y1), (x0, x1) in itertools.product(*parts):
                values = [v for step in channel[t0:t1] for row in step[y0:y1] for v in row[x0:x1]]
                means.append(sum(values) / len(values))
        expected.append(means)
    torch.testing.assert_close(pool_for_protocol(fmap, 'grid'), torch.tensor(expected))
    both = torch.cat([pool_for_protocol(fmap, 'time'), torch.tensor(expected)], 1)
    torch.testing.assert_close(pool_for_protocol(fmap, 'pyramid'), both)
