"""Layers of adapters compute and start as PyTorch's, and are of no class that a backbone's initialisation knows."""

import pytest
import torch
from torch import nn

from auxskd_mm.models.adapters.layers import AdapterConv3d, AdapterLinear


@pytest.mark.parametrize(('kernel', 'groups'), [((3, 3, 3), 2), ((3, 1, 1), 1), ((1, 1, 1), 4)])
def test_convolution(kernel, groups):
    torch.manual_seed(0)
    ours = AdapterConv3d(4, 8, kernel, groups)
    torch.manual_seed(0)
    theirs = nn.Conv3d(4, 8, kernel, padding=tuple(k // 2 for k in kernel), groups=groups)
    x = torch.randn(2, 4, 3, 5, 6)
    assert torch.equal(ours(x), theirs(x))
    assert ours(x).shape == (2, 8, 3, 5, 6)
    assert not isinstance(ours, nn.Conv3d)


def test_linear_layer():
    torch.manual_seed(0)
    ours = AdapterLinear(4, 8)
    torch.manual_seed(0)
    theirs = nn.Linear(4, 8)
    x = torch.randn(2, 5, 4)
    assert torch.equal(ours(x), theirs(x))
    assert not isinstance(ours, nn.Linear)
