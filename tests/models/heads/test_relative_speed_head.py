"""RSPNet's projection head by hand."""

import pytest
import torch

from auxskd_mm.errors import InputError
from auxskd_mm.models.heads import RelativeSpeedHead


def test_linear_and_mlp_by_hand():
    torch.manual_seed(0)
    feats = torch.randn(3, 6, 2, 3, 3)
    pooled = feats.mean((2, 3, 4))
    linear = RelativeSpeedHead(6)
    expected = pooled @ linear.projector[0].weight.T + linear.projector[0].bias
    assert torch.allclose(linear(feats), expected / expected.norm(dim=1, keepdim=True), atol=1e-6)
    assert linear(feats).shape == (3, 128)
    mlp = RelativeSpeedHead(6, 4, kind='mlp')
    assert [tuple(p.shape) for p in mlp.parameters()] == [(6, 6), (6,), (4, 6), (4,)]
    hidden = torch.relu(pooled @ mlp.projector[0].weight.T + mlp.projector[0].bias)
    expected = hidden @ mlp.projector[2].weight.T + mlp.projector[2].bias
    assert torch.allclose(mlp(feats), expected / expected.norm(dim=1, keepdim=True), atol=1e-6)
    wider = RelativeSpeedHead(6, 4, kind='mlp', hidden_channels=9)
    assert wider.projector[0].out_features == 9
    assert wider.out_channels == 4


def test_bad_input_is_named():
    with pytest.raises(InputError, match="kind='conv'"):
        RelativeSpeedHead(6, kind='conv')
    with pytest.raises(InputError, match='out_channels=0'):
        RelativeSpeedHead(6, 0)
    with pytest.raises(InputError, match='hidden_channels=9'):
        RelativeSpeedHead(6, hidden_channels=9)
    with pytest.raises(InputError, match=r'in_channels=6.*yields 5'):
        RelativeSpeedHead(6)(torch.randn(2, 5))
