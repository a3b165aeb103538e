"""The residual networks, written out with torch's functions."""

import pytest
import torch
import torch.nn.functional as F

from auxskd_mm.errors import InputError
from auxskd_mm.models.backbones import R3DVCOP, R2Plus1DVCOP


def norm(x, bn):
    """BatchNorm with the batch's statistics."""
    mean, variance = x.mean((0, 2, 3, 4)), x.var((0, 2, 3, 4), unbiased=False)
    view = lambda v: v.view(1, -1, 1, 1, 1)  # noqa: E731
    return (x - view(mean)) / view(variance + 1e-5).sqrt() * view(bn.weight) + view(bn.bias)


def test_a_network_by_hand():
    network = R3DVCOP(base_channels=3, stage_blocks=(1, 2)).double()
    x = torch.randn(2, 3, 6, 12, 12, dtype=torch.float64)
    conv = lambda x, layer, stride, pad: F.conv3d(x, layer.temporal_spatial_conv.weight, None, stride, pad)  # noqa: E731
    y = F.relu(norm(conv(x, network.conv1, (1, 2, 2), (1, 3, 3)), network.bn1))
    for stage, stride in ((network.conv2, 1), (network.conv3, 2)):
        for block in stage.children():
            inner = F.relu(norm(conv(y, block.conv1, stride, 1), block.bn1))
            inner = norm(conv(inner, block.conv2, 1, 1), block.bn2)
            shortcut = norm(conv(y, block.downsampleconv, 2, 0), block.downsamplebn) if stride == 2 else y
            y, stride = F.relu(shortcut + inner), 1
    found = network(x)
    assert found.shape == (2, 6, 3, 3, 3)
    assert torch.allclose(found, y, atol=1e-10)


@pytest.mark.parametrize('kind', [R3DVCOP, R2Plus1DVCOP])
@pytest.mark.parametrize(('blocks', 'factor'), [((1,), 1), ((1, 1), 2), ((2, 1, 3, 1), 8)])
def test_widths_and_depths(kind, blocks, factor):
    network = kind(base_channels=3, stage_blocks=blocks, in_channels=2)
    maps = network(torch.randn(2, 2, 8, 32, 32))
    down = 2 ** (len(blocks) - 1)
    assert network.out_channels == 3 * factor
    assert maps.shape == (2, 3 * factor, 8 // down, 16 // down, 16 // down)
    assert [len(list(getattr(network, f'conv{i + 2}').children())) for i in range(len(blocks))] == list(blocks)


@pytest.mark.parametrize('kind', [R3DVCOP, R2Plus1DVCOP])
@pytest.mark.parametrize(
    ('arguments', 'says'),
    [
        (dict(stage_blocks=()), r'stage_blocks=\(\): expected one to four numbers of at least 1'),
        (dict(stage_blocks=(1, 0)), r'stage_blocks=\(1, 0\)'),
        (dict(stage_blocks=(1,) * 5), 'stage_blocks='),
        (dict(base_channels=0), 'base_channels=0: expected at least 1'),
    ],
)
def test_settings_out_of_range(kind, arguments, says):
    with pytest.raises(InputError, match=f'{kind.__name__}.{says}'):
        kind(**arguments)
