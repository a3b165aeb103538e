"""Projector and predictor have the layers, names and sizes of the original."""

import pytest
import torch
from torch import nn

from auxskd_mm.errors import InputError
from auxskd_mm.models.modules import MLP
from auxskd_mm.registry import MODELS


def kinds(module):
    return [type(layer).__name__ for layer in module]


def test_one_linear_layer():
    projector = MODELS.build(dict(type='auxskd_mm.MLP', in_channels=512, out_channels=128))
    assert kinds(projector) == ['Linear']
    assert sum(p.numel() for p in projector.parameters()) == 512 * 128 + 128
    assert (projector.in_channels, projector.out_channels) == (512, 128)


def test_the_predictor_of_auxskd():
    predictor = MLP(128, 128, 1024)
    assert kinds(predictor) == ['Linear', 'BatchNorm1d', 'ReLU', 'Linear']
    assert sum(p.numel() for p in predictor.parameters()) == 265_344  # methods: 128 -> 1024 -> 128 with BN
    assert list(predictor.state_dict())[:2] == ['0.weight', '0.bias']
    original = nn.Sequential(nn.Linear(128, 1024), nn.BatchNorm1d(1024), nn.ReLU(inplace=True), nn.Linear(1024, 128))
    original.load_state_dict(predictor.state_dict())
    x = torch.randn(4, 128)
    assert torch.equal(predictor(x), original(x))


def test_without_a_norm():
    assert kinds(MLP(3, 2, 5, norm=False)) == ['Linear', 'ReLU', 'Linear']


@pytest.mark.parametrize(
    ('arguments', 'says'),
    [
        (dict(in_channels=0, out_channels=2), r'MLP\.in_channels=0: expected at least 1'),
        (dict(in_channels=2, out_channels=0), r'MLP\.out_channels=0'),
        (dict(in_channels=2, out_channels=2, hidden_channels=0), r'MLP\.hidden_channels=0'),
    ],
)
def test_sizes_out_of_range(arguments, says):
    with pytest.raises(InputError, match=says):
        MLP(**arguments)
