"""What modules yield, found by a run without values, and modules whose output no adapter can follow."""

import logging

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


class Windows(nn.Module):
    """Attention in windows of 4 x 4 pixels over all frames: (B * windows, tokens, C)."""

    def __init__(self, fixed):
        super().__init__()
        self.embed = nn.Conv3d(3, 8, 1)
        self.norm = nn.LayerNorm(8)
        self.fixed = fixed

    def forward(self, x):
        if self.fixed and x.shape[-1] != 8:
            raise ValueError('8 x 8 pixels')
        x = self.embed(x).unflatten(4, (-1, 4)).unflatten(3, (-1, 4))  # (B, C, T, h, 4, w, 4)
        tokens = x.permute(0, 3, 5, 2, 4, 6, 1).flatten(3, 5)  # (B, h, w, T * 16, C)
        return self.norm(tokens.flatten(0, 2))


@pytest.mark.parametrize(('fixed', 'clip'), [(False, (4, 8, 8)), (True, (6, 8, 8)), (False, (6, 8, 8))])
def test_windows_are_no_frames(fixed, clip):
    """4 windows of a clip of 4 frames: with larger frames there are more windows, and still 4 frames."""
    network = Windows(fixed)
    found = find_features(network, {'norm': network.norm}, clip)
    assert found['norm'] == Feature(8, True, (4, clip[0] * 16, 8), False)


def test_the_clips_have_the_channels_of_the_first_kernel():
    """Whatever the type of its convolution: that of an inflated network is no ``nn.Conv3d``."""

    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(4, 1, 1, 1, 1))
            self.groups = 3

        def forward(self, x):
            return x.repeat(1, 2, 1, 1, 1)

    network = nn.Sequential(Own(), nn.Conv3d(6, 5, 1))
    assert find_features(network, {'1': network[1]}, (2, 4, 4))['1'].shape == (1, 5, 2, 4, 4)


class EightFrames(nn.Module):
    """Has positions for eight frames."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv3d(3, 4, 1)
        self.positions = nn.Parameter(torch.zeros(8, 1, 1))

    def forward(self, x):
        return self.conv(x) + self.positions


def test_sizes_that_do_not_fit_leave_no_line_in_the_log():
    log, seen = logging.getLogger('torch._subclasses.fake_tensor'), []
    handler = logging.Handler()
    handler.emit = seen.append
    log.addHandler(handler)
    net = EightFrames()
    try:
        assert find_features(net, {'conv': net.conv})['conv'].shape[2] == 8
        assert seen == []
        assert not log.disabled
        log.error('another line')
    finally:
        log.removeHandler(handler)
    assert len(seen) == 1
