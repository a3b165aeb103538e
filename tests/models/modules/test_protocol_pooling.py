"""Each pooling against loops over the map."""

import pytest
import torch

from auxskd_mm.errors import InputError
from auxskd_mm.models.modules.protocol_pooling import pool_for_protocol

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
