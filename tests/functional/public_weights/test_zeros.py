"""Zeros in a file: which stop, which are named, and what is said of an untrained file."""

import pytest
import torch
import torchvision
from torch import nn

from auxskd_mm.errors import InputError
from auxskd_mm.functional.transfer import load_checked, plan_transfer
from auxskd_mm.registry import MODELS


@torch.no_grad()
def shaken(network):
    for value in network.state_dict().values():
        if value.is_floating_point():
            value += torch.rand_like(value) * 0.1
    return network


@pytest.fixture
def r3d():
    """A backbone in a model, and a file for it."""
    model = nn.Module()
    model.backbone = MODELS.build(dict(type='auxskd_mm.TorchvisionVideoBackbone', model='r3d_18'))
    return model, shaken(torchvision.models.video.r3d_18()).state_dict()


def load(model, state):
    return load_checked(model, state, ('backbone.',), 'x.pth')


def test_a_kernel_of_zeros_stops_and_is_named(r3d):
    model, state = r3d
    before = model.backbone.model.stem[0].weight.clone()
    state['layer1.0.conv1.0.weight'].zero_()
    with pytest.raises(
        InputError, match=r'^x\.pth: backbone\.model\.layer1\.0\.conv1\.0\.weight is all zeros, '
    ) as error:
        load(model, state)
    assert '\n' not in str(error.value)
    assert torch.equal(model.backbone.model.stem[0].weight, before)
    state['fc.weight'].zero_()
    state['layer1.0.conv1.0.weight'] += 1
    assert 'warning' not in load(model, state)  # a classifier, which is not taken


def test_a_file_of_zeros_stops(r3d):
    model, state = r3d
    with pytest.raises(InputError, match=r'^x\.pth: 20 weights are all zeros, e\.g\. backbone\.model\.stem\.0\.weight'):
        load(model, {key: torch.zeros_like(value) for key, value in state.items()})


def test_an_untrained_file_gets_one_short_line(r3d):
    model, state = r3d
    said = load(model, torchvision.models.video.r3d_18().state_dict())
    assert said.endswith('; warning: looks untrained, each of its norm layers has its initial values)')
    assert said.count('warning') == 1
    assert 'warning' not in load(model, state)


def test_a_norm_that_is_zero_in_a_trained_file_is_named(r3d):
    model, state = r3d
    state['stem.1.bias'].zero_()
    assert load(model, state).endswith('; warning: all zeros in the file: backbone.model.stem.1.bias)')
    for key, value in state.items():
        if key.startswith('layer1.') and key.endswith('conv2.1.bias'):
            value.zero_()
    assert load(model, state).endswith('model.stem.1.bias, backbone.model.layer1.N.conv2.N.bias)')


class Net(nn.Module):
    """A backbone with parts that start at zero."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 8, 3, bias=False)
        self.branch = nn.Linear(8, 8, bias=False)
        self.scale = nn.Conv2d(1, 4, 1, bias=False)  # four numbers
        self.pos_embed = nn.Embedding(8, 8)
        self.gamma = nn.Parameter(torch.ones(8))
        self.queue = nn.Parameter(torch.ones(8, 8))
        self.adapters = nn.ModuleList([nn.Linear(8, 8)])


def test_what_may_be_zero_on_purpose():
    model = Net()
    nn.init.zeros_(model.branch.weight)  # zero in the model as built: a residual branch that starts mute
    state = Net().state_dict()
    for key in ('branch.weight', 'scale.weight', 'pos_embed.weight', 'gamma', 'queue', 'adapters.0.weight'):
        state[key].zero_()
    load_checked(model, state, ('',), 'x.pth')
    nn.init.ones_(model.branch.weight)
    with pytest.raises(InputError, match=r'^x\.pth: branch\.weight is all zeros'):
        load_checked(model, state, ('',), 'x.pth')


@pytest.mark.parametrize('prefixes', [('',), ('backbone.',), ('backbone.', 'neck.')])
def test_each_way_to_name_parts_is_checked(prefixes):
    model = nn.Module()
    model.backbone, model.neck, model.cls_head = nn.Conv2d(4, 8, 3), nn.Linear(8, 8), nn.Linear(8, 4)
    state = {key: value.clone() for key, value in model.state_dict().items()}
    state['cls_head.weight'].zero_()  # a probe may start at zero
    load_checked(model, state, prefixes, 'x.pth')
    state['backbone.weight'].zero_()
    with pytest.raises(InputError, match=r'^x\.pth: backbone\.weight is all zeros'):
        load_checked(model, state, prefixes, 'x.pth')


def test_without_values_nothing_is_said():
    state = {key: value.to('meta') for key, value in Net().state_dict().items()}
    file = {key: value for key, value in Net().state_dict().items() if not key.startswith('adapters')}
    assert 'warning' not in plan_transfer(state, file, ('',), 'x.pth').message
