"""C3D's layers in order, and small versions of it."""

import pytest
import torch
import torch.nn.functional as F

from auxskd_mm.errors import InputError
from auxskd_mm.models.backbones import C3DBN


def test_the_network_of_the_papers_layer_by_layer():
    network = C3DBN(base_channels=2).eval()
    x = y = torch.randn(1, 3, 16, 32, 32)
    # (convolutions, pool behind them), as in the original's forward().
    layers = [(['1'], (1, 2, 2)), (['2'], 2), (['3a', '3b'], 2), (['4a', '4b'], 2), (['5a', '5b'], None)]
    for convs, pool in layers:
        for name in convs:
            conv, bn = getattr(network, f'conv{name}'), getattr(network, f'bn{name}')
            y = F.relu(bn(F.conv3d(y, conv.weight, conv.bias, padding=1)))
        y = y if pool is None else F.max_pool3d(y, pool, pool)
    assert network(x).shape == (1, 16, 2, 2, 2)
    assert torch.equal(network(x), y)


@pytest.mark.parametrize(('convs', 'width'), [((1,), 3), ((2, 1), 6), ((1, 1, 3), 12), ((1, 1, 1, 1, 1), 24)])
def test_widths_and_depths(convs, width):
    network = C3DBN(convs, base_channels=3, in_channels=2)
    assert network.out_channels == width
    assert network(torch.randn(2, 2, 8, 16, 16)).shape[1] == width
    assert sum(isinstance(m, torch.nn.Conv3d) for m in network.modules()) == sum(convs)


@pytest.mark.parametrize(
    ('arguments', 'says'),
    [
        (dict(stage_convs=()), r'C3DBN\.stage_convs=\(\): expected one to five numbers of at least 1'),
        (dict(stage_convs=(1,) * 6), r'C3DBN\.stage_convs='),
        (dict(stage_convs=(1, 0)), r'C3DBN\.stage_convs=\(1, 0\)'),
        (dict(base_channels=0), r'C3DBN\.base_channels=0: expected at least 1'),
    ],
)
def test_settings_out_of_range(arguments, says):
    with pytest.raises(InputError, match=says):
        C3DBN(**arguments)
