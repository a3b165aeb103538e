"""S3D-G's own layers by a slower way, and small versions of it."""

import pytest
import torch

from auxskd_mm.errors import InputError
from auxskd_mm.models.backbones import S3DG
from auxskd_mm.models.backbones.s3dg import _SelfGating


def test_gate_by_hand():
    gate = _SelfGating(2)
    with torch.no_grad():
        gate.fc.weight.copy_(torch.tensor([[1.0, 0.0], [1.0, 1.0]]))
        gate.fc.bias.copy_(torch.tensor([0.0, -1.0]))
    x = torch.tensor([2.0, 4.0, 1.0, 1.0]).view(1, 2, 1, 1, 2)  # means 3 and 1: gates sigmoid(3) on both channels
    assert torch.allclose(gate(x), torch.sigmoid(torch.tensor(3.0)) * x)


@pytest.mark.parametrize(('blocks', 'width'), [((2, 5, 2), 1 / 16), ((1, 1, 1), 1 / 32), ((1, 5, 2), 0.1)])
def test_widths_and_depths(blocks, width):
    network = S3DG(blocks, width=width).eval()
    maps = network(torch.randn(1, 3, 16, 64, 64))
    assert maps.shape == (1, network.out_channels, 2, 2, 2)
    assert sum(name.startswith('mixed_') for name, _ in network.named_children()) == sum(blocks)
    if blocks[2] == 2:
        wanted = sum(max(1, round(n * width)) for n in (384, 384, 128, 128))
        assert network.out_channels == wanted


@pytest.mark.parametrize(
    ('arguments', 'says'),
    [
        (dict(stage_blocks=(3, 5, 2)), r'S3DG\.stage_blocks=\(3, 5, 2\): expected three numbers from 1 to \(2, 5, 2\)'),
        (dict(stage_blocks=(1, 0, 1)), r'S3DG\.stage_blocks='),
        (dict(stage_blocks=(1, 1)), r'S3DG\.stage_blocks='),
        (dict(width=0), r'S3DG\.width=0: expected a factor above 0'),
    ],
)
def test_settings_out_of_range(arguments, says):
    with pytest.raises(InputError, match=says):
        S3DG(**arguments)
