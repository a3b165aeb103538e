"""The 3-D ResNet-18 of Hara and RSPNet: sizes by hand; that it computes the same is in tests/apis/test_convert_rspnet.py."""

import pytest
import torch

from auxskd_mm.errors import InputError
from auxskd_mm.models.backbones import ResNet3dHara
from auxskd_mm.registry import MODELS


def expected_parameters(width, blocks):
    """Convolutions without biases and two numbers a BN channel."""
    total, before = 3 * width * 7**3 + 2 * width, width
    for stage in range(4):
        after = width * 2**stage
        total += before * after * 27 + (2 * blocks[stage] - 1) * after * after * 27 + 4 * blocks[stage] * after
        total += before * after + 2 * after if stage else 0
        before = after
    return total


@pytest.mark.parametrize(('depth', 'blocks'), [(18, (2, 2, 2, 2)), (34, (3, 4, 6, 3))])
def test_parameters(depth, blocks):
    backbone = ResNet3dHara(depth=depth, base_channels=8)
    assert sum(p.numel() for p in backbone.parameters()) == expected_parameters(8, blocks)
    assert expected_parameters(64, (2, 2, 2, 2)) == 33_203_904


def test_output_and_initialisation():
    backbone = MODELS.build(dict(type='auxskd_mm.ResNet3dHara', base_channels=8, conv1_stride_s=2))
    backbone.init_weights()
    backbone.eval()
    assert backbone.out_channels == 64
    with torch.no_grad():
        assert tuple(backbone(torch.rand(1, 3, 16, 112, 112)).shape) == (1, 64, 1, 4, 4)
    norms = [m for m in backbone.modules() if isinstance(m, torch.nn.BatchNorm3d)]
    assert all((norm.weight == 1).all() for norm in norms)
    weight = backbone.layer4[1].conv2.conv.weight
    assert weight.std().item() == pytest.approx((2 / (64 * 27)) ** 0.5, rel=0.02)  # fan-out


def test_other_depths():
    with pytest.raises(InputError, match=r'ResNet3dHara.depth=50: expected 18 or 34'):
        ResNet3dHara(depth=50)
