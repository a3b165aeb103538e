"""RSPNet's projection head compared with a hand calculation."""

import itertools

import numpy as np
import pytest
import torch

from auxskd_mm.errors import InputError
from auxskd_mm.models.heads import RelativeSpeedHead
from auxskd_mm.registry import MODELS


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


def convolve(maps, layer):
    """3 x 3 x 3, stride 1, zeros around, one output value at a time."""
    weight, bias = layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy()
    padded = np.pad(maps, [(0, 0), (0, 0), (1, 1), (1, 1), (1, 1)])
    out = np.empty((len(maps), len(weight), *maps.shape[2:]))
    for t, y, x in itertools.product(*map(range, maps.shape[2:])):
        around = padded[:, :, t : t + 3, y : y + 3, x : x + 3]
        out[..., t, y, x] = (around[:, None] * weight).sum((2, 3, 4, 5)) + bias
    return out


def project(maps, head):
    linear = head.projector[0]
    out = maps.mean((2, 3, 4)) @ linear.weight.detach().double().numpy().T + linear.bias.detach().double().numpy()
    return out / np.sqrt((out**2).sum(1, keepdims=True))


def test_conv_by_hand():
    torch.manual_seed(0)
    head, feats = RelativeSpeedHead(4, 3, kind='conv'), torch.randn(2, 4, 2, 3, 3)
    assert [tuple(p.shape) for p in head.parameters()] == [(4, 4, 3, 3, 3), (4,), (4, 4, 3, 3, 3), (4,), (3, 4), (3,)]
    hidden = np.maximum(convolve(feats.double().numpy(), head.convs[0]), 0)
    expected = project(convolve(hidden, head.convs[2]), head)
    assert head(feats).shape == (2, 3)
    np.testing.assert_allclose(head(feats).detach(), expected, atol=1e-6)
    np.testing.assert_allclose(head([feats]).detach(), expected, atol=1e-6)


@pytest.mark.parametrize('training', [True, False])
def test_convbn_by_hand(training):
    torch.manual_seed(0)
    head, feats = RelativeSpeedHead(4, 3, kind='convbn').train(training), torch.randn(2, 4, 2, 3, 3)
    conv, norm, _ = head.convs
    assert [tuple(p.shape) for p in head.parameters()] == [(4, 4, 3, 3, 3), (4,), (4,), (4,), (3, 4), (3,)]
    for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
        torch.nn.init.uniform_(tensor)
    values = convolve(feats.double().numpy(), conv)
    mean, var = values.mean((0, 2, 3, 4)), values.var((0, 2, 3, 4))
    if not training:
        mean, var = norm.running_mean.numpy(), norm.running_var.numpy()
    scale, shift = norm.weight.detach().numpy(), norm.bias.detach().numpy()
    mean, var, scale, shift = (v.reshape(4, 1, 1, 1) for v in (mean, var, scale, shift))
    hidden = np.maximum((values - mean) / np.sqrt(var + norm.eps) * scale + shift, 0)
    np.testing.assert_allclose(head(feats).detach(), project(hidden, head), atol=1e-6)


@pytest.mark.parametrize('kind', ['linear', 'mlp', 'conv', 'convbn'])
def test_every_kind_by_config(kind):
    head = MODELS.build(dict(type='auxskd_mm.RelativeSpeedHead', in_channels=6, out_channels=5, kind=kind))
    found = head(torch.randn(3, 6, 1, 2, 2))
    assert found.shape == (3, 5)
    assert torch.allclose(found.norm(dim=1), torch.ones(3))
    found[:, 0].sum().backward()
    assert all(p.grad is not None for p in head.parameters())


def test_bad_input_is_named():
    with pytest.raises(InputError, match=r"kind='cnn': expected one of 'linear', 'mlp', 'conv', 'convbn'"):
        RelativeSpeedHead(6, kind='cnn')
    for kind in ('conv', 'convbn'):
        with pytest.raises(InputError, match=rf"hidden_channels=9: kind='{kind}' has none"):
            RelativeSpeedHead(6, kind=kind, hidden_channels=9)
        for feats in (torch.randn(2, 6), torch.randn(2, 4, 6), [torch.randn(2, 6, 4, 4)]):
            with pytest.raises(InputError, match=rf"kind='{kind}' needs a feature map") as error:
                RelativeSpeedHead(6, kind=kind)(feats)
            assert '\n' not in str(error.value)
        with pytest.raises(InputError, match='yields 5 channels'):
            RelativeSpeedHead(6, kind=kind)(torch.randn(2, 5, 1, 2, 2))
    with pytest.raises(InputError, match='out_channels=0'):
        RelativeSpeedHead(6, 0)
    with pytest.raises(InputError, match='hidden_channels=9'):
        RelativeSpeedHead(6, hidden_channels=9)
    with pytest.raises(InputError, match=r'in_channels=6.*yields 5'):
        RelativeSpeedHead(6)(torch.randn(2, 5))
