"""What modules yield, found by a run without values, and modules whose output no adapter can follow."""

import pytest
import torch
from torch import nn

from auxskd_mm.errors import InputError
from auxskd_mm.models.adapters.widths import Feature, find_features


class Network(nn.Module):
    """A convolution with a norm, layers that see frames, windows with C last, and modules that no adapter can follow."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv3d(3, 6, 3, stride=2, padding=1)
        self.bn = nn.BatchNorm3d(6)
        self.frame = nn.Conv2d(6, 4, 1)
        self.windows = nn.Sequential(nn.LayerNorm(4), nn.Linear(4, 10))
        self.idle = nn.Linear(1, 1)
        self.pair = Pair()
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        x = self.drop(self.bn(self.conv(x)))  # (B, 6, T, H, W)
        maps = self.frame(x.transpose(1, 2).flatten(0, 1))  # (B * T, 4, H, W)
        maps = maps.unflatten(0, (x.shape[0], -1)).permute(0, 1, 3, 4, 2)  # (B, T, H, W, 4)
        return self.pair(self.windows(maps))


class Pair(nn.Module):
    def forward(self, x):
        return x, x


def find(*names, clip=(4, 8, 8)):
    torch.manual_seed(0)
    network = Network()
    return find_features(network, {name: network.get_submodule(name) for name in names}, clip)


def test_channels_axis_shape_and_frames():
    assert find('conv', 'frame', 'windows.1') == {
        'conv': Feature(6, False, (1, 6, 2, 4, 4), False),
        'frame': Feature(4, False, (2, 4, 4, 4), True),
        'windows.1': Feature(10, True, (1, 2, 4, 4, 10), False),
    }


def test_the_network_stays_as_it_was():
    network = Network().train()
    network.bn.eval()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    find_features(network, dict(bn=network.bn))
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert network.drop.training
    assert not network.bn.training
    assert not network.bn._forward_hooks


@pytest.mark.parametrize(
    ('name', 'clip', 'says'),
    [
        ('idle', (4, 8, 8), r"'idle' \(Linear\) does not run in the forward pass"),
        ('pair', (4, 8, 8), r"'pair' \(Pair\) yields a tuple, expected one tensor"),
        ('conv', (4, 8), r'clip=\(4, 8\): expected \(T, H, W\)'),
        ('conv', (4, 0, 8), r'clip=\(4, 0, 8\): expected \(T, H, W\)'),
    ],
)
def test_what_no_adapter_can_follow(name, clip, says):
    with pytest.raises(InputError, match=says):
        find(name, clip=clip)


def test_a_network_that_takes_no_clip():
    network = nn.Sequential(nn.Linear(5, 5))
    with pytest.raises(InputError, match=r'Sequential takes no clip of the usual sizes.*set clip=\(T, H, W\)'):
        find_features(network, {'0': network[0]})
