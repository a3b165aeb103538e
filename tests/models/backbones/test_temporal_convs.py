"""The stack on feature maps: sizes, and a block written out by hand."""

import pytest
import torch
import torch.nn.functional as F

from auxskd_mm.errors import InputError
from auxskd_mm.registry import MODELS


def build(**kwargs):
    torch.manual_seed(0)
    return MODELS.build(dict(type='auxskd_mm.TemporalConvs', **kwargs)).eval()


@pytest.mark.parametrize('factorised', [False, True])
@pytest.mark.parametrize(
    ('kwargs', 'shape'),
    [
        (dict(), (2, 8, 5, 7, 6)),
        (dict(blocks=0), (2, 8, 5, 7, 6)),
        (dict(blocks=1, temporal_strides=2), (2, 8, 3, 7, 6)),
        (dict(blocks=2, temporal_strides=(1, 2), spatial_strides=2), (2, 8, 3, 4, 3)),
    ],
)
def test_sizes(kwargs, shape, factorised):
    module = build(in_channels=4, channels=8, factorised=factorised, **kwargs)
    assert module.out_channels == 8
    assert module(torch.rand(2, 4, 5, 7, 6)).shape == shape
    half = torch.rand(2, 4, 5, 7, 6).half()
    assert torch.equal(module(half), module(half.float()))  # a store's float16


def test_a_block_by_hand():
    module = build(in_channels=4, channels=8, blocks=1)
    block, x = module.blocks[0], torch.rand(2, 4, 5, 7, 6)
    scale = 1 / (1 + 1e-5) ** 0.5  # BatchNorm at its start
    projected = F.relu(F.conv3d(x, module.project[0].weight) * scale)
    inner = F.relu(F.conv3d(projected, block.conv1.weight, padding=1) * scale)
    expected = F.relu(projected + F.conv3d(inner, block.conv2.weight, padding=1) * scale)
    assert torch.allclose(module(x), expected, atol=1e-5)


@pytest.mark.parametrize(
    ('kwargs', 'says'),
    [
        (dict(in_channels=0), 'in_channels=0: expected a whole number of at least 1'),
        (dict(in_channels=4, blocks=2, temporal_strides=(1,)), r'temporal_strides=\(1,\): .* each of 2 blocks'),
        (dict(in_channels=4, spatial_strides=0), 'spatial_strides=0'),
    ],
)
def test_bad_settings(kwargs, says):
    with pytest.raises(InputError, match=says):
        build(**kwargs)


def test_maps_of_another_width():
    with pytest.raises(InputError, match=r'in_channels=4: got features \(2, 5, 3, 2, 2\), expected \(B, 4, T, h, w\)'):
        build(in_channels=4)(torch.rand(2, 5, 3, 2, 2))


def test_stored_maps_stay_as_they_are():
    network = MODELS.build(dict(type='auxskd_mm.FeatureMaps', in_channels=4))
    maps = torch.rand(2, 4, 3, 2, 2).half()
    assert network(maps).dtype == torch.float32
    assert torch.equal(network(maps), maps.float())
    assert network.out_channels == 4
    assert not list(network.parameters())
    with pytest.raises(InputError, match=r'FeatureMaps.in_channels=4: got features \(2, 5, 3, 2, 2\)'):
        network(torch.rand(2, 5, 3, 2, 2))
