"""The Kinetics I3D and PECoP's checkpoints: names, and files that are no such thing. What they compute is compared in
tests/models/pretext/test_pecop_parity.py."""

import re

import pytest
import torch
from conftest import recorded

from auxskd_mm.errors import InputError
from auxskd_mm.functional.transfer import plan_transfer
from auxskd_mm.zoo.convert_checkpoint import convert_checkpoint, convert_state_dict

SHAPES = recorded('pecop_i3d')['shapes']
CLASSIFIER = ['model.conv3d_0c_1x1.conv3d.weight', 'model.conv3d_0c_1x1.conv3d.bias']


@pytest.fixture(scope='module')
def pecop():
    """A PECoP checkpoint, each tensor with a number of its own and no memory."""
    return {key: torch.tensor(float(i)).expand(shape) for i, (key, shape) in enumerate(SHAPES.items())}


@pytest.fixture(scope='module')
def kinetics(pecop):
    """``model_rgb.pth``: the same without ``model.``, adapters and heads; old torch wrote no counters."""
    return {
        key.removeprefix('model.'): value
        for key, value in pecop.items()
        if key.startswith('model.') and 'tuning_module' not in key and not key.endswith('num_batches_tracked')
    }


@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_every_tensor_of_a_pecop_checkpoint_has_its_place(pecop, prefix):
    converted = convert_state_dict({prefix + key: value for key, value in pecop.items()})
    assert converted.kind == 'pecop'
    assert converted.dropped == CLASSIFIER
    assert len(converted.state_dict) == len(pecop) - 2 == 391
    parts = {'se': 'scale', 'conv1': 'down', 'conv2': 'up'}
    for key, value in pecop.items():
        if key in CLASSIFIER:
            continue
        layers = key.split('.')
        if layers[0].startswith('logits'):
            new = f'cls_head.fc_{dict(p="speed", s="segment")[layers[0][-1]]}.{layers[-1]}'
        elif 'tuning_module' in layers:
            new = '.'.join(['backbone.adapters', layers[1], parts[layers[3]], *layers[4:]])
        else:
            new = '.'.join(['backbone', *layers[1:]])
        assert converted.state_dict[new].flatten()[0] == value.flatten()[0], key
    assert converted.state_dict['cls_head.fc_segment.weight'].shape == (4, 1024)


def test_kinetics_weights_are_a_backbone(kinetics):
    converted = convert_state_dict(kinetics)
    assert converted.kind == 'i3d'
    assert converted.dropped == [key.removeprefix('model.') for key in CLASSIFIER]
    assert set(converted.state_dict) == {f'backbone.{key}' for key in kinetics if 'conv3d_0c_1x1' not in key}


@pytest.mark.parametrize(
    ('change', 'says'),
    [
        (dict(drop='model.mixed_4c.branch_1.1.conv3d.weight'), 'missing backbone.mixed_4c.branch_1.1.conv3d.weight'),
        (dict(drop='model.mixed_5c.tuning_module.se'), 'missing backbone.adapters.mixed_5c.scale'),
        (dict(drop='logits_s.conv3d.bias'), 'missing cls_head.fc_segment.bias'),
        (
            dict(add='model.mixed_5d.branch_0.conv3d.weight'),
            '1 tensors that a PECoP checkpoint does not have, e.g. mod',
        ),
        (dict(add='model.mixed_5c.tuning_module.conv3.bias'), 'have, e.g. model.mixed_5c.tuning_module.conv3.bias'),
        (dict(add='projector.weight'), 'does not have, e.g. projector.weight'),
        (dict(shape='model.mixed_3b.tuning_module.conv1.weight'), 'e.g. backbone.adapters.mixed_3b.down.weight: (3, 1'),
        (dict(shape='model.conv3d_1a_7x7.conv3d.weight'), '1 of another shape, e.g. backbone.conv3d_1a_7x7.conv3d'),
    ],
)
def test_another_network_is_refused(pecop, change, says, tmp_path):
    state = {key: value for key, value in pecop.items() if key != change.get('drop')}
    if 'add' in change:
        state[change['add']] = torch.zeros(3)
    if 'shape' in change:
        state[change['shape']] = torch.zeros(3, 1, 1, 1, 1)
    with pytest.raises(InputError, match=re.escape(says)) as error:
        convert_state_dict(state, 'x.pth')
    assert str(error.value).startswith('x.pth: ')
    assert '\n' not in str(error.value)


def test_kinetics_weights_of_another_kind_are_refused(kinetics):
    flow = {**kinetics, 'conv3d_1a_7x7.conv3d.weight': torch.zeros(64, 2, 7, 7, 7)}
    with pytest.raises(InputError, match=r'\(64, 2, 7, 7, 7\) in the file, \(64, 3, 7, 7, 7\) in the model'):
        convert_state_dict(flow)
    with pytest.raises(InputError, match=r'does not have, e\.g\. mixed_3b\.tuning_module\.se'):
        convert_state_dict({**kinetics, 'mixed_3b.tuning_module.se': torch.ones(1, 256, 1, 1, 1)})


def test_a_converted_file_loads_for_training(kinetics, tmp_path):
    torch.save(kinetics, tmp_path / 'model_rgb.pth')
    convert_checkpoint(tmp_path / 'model_rgb.pth', tmp_path / 'ours.pth')
    content = torch.load(tmp_path / 'ours.pth', weights_only=True)
    assert content['meta'] == dict(converted_from='i3d', source='model_rgb.pth')
    assert torch.equal(
        content['state_dict']['backbone.mixed_3b.branch_0.batch3d.bias'], kinetics['mixed_3b.branch_0.batch3d.bias']
    )


def test_a_pecop_checkpoint_loads_as_it_is_with_its_adapters(pecop):
    converted = convert_state_dict(pecop).state_dict
    model = {key: value.to('meta') for key, value in converted.items()}
    state, message = plan_transfer(model, pecop, ('backbone.',), 'pecop.pth')
    assert "PECoP's I3D with adapters under 'model.'" in message
    for key, value in converted.items():
        assert key.startswith('cls_head.') or state[key] is pecop_tensor(pecop, key), key
        assert key.startswith('cls_head.') or state[key].shape == value.shape, key


@pytest.mark.parametrize('lost', ['adapters.', 'adapters.mixed_4b.'])
def test_adapters_of_a_pecop_checkpoint_are_not_lost_in_silence(pecop, lost):
    converted = convert_state_dict(pecop).state_dict
    model = {key: value.to('meta') for key, value in converted.items() if lost not in key}
    with pytest.raises(InputError, match=r'trained with adapters, and the model lacks backbone\.adapters\.mixed_'):
        plan_transfer(model, pecop, ('backbone.',), 'pecop.pth')


def pecop_tensor(pecop, key):
    """The tensor of a PECoP checkpoint by our name of it."""
    parts = key.split('.')
    if parts[1] != 'adapters':
        return pecop['.'.join(['model', *parts[1:]])]
    theirs = dict(scale='se', down='conv1', up='conv2')[parts[3]]
    return pecop['.'.join(['model', parts[2], 'tuning_module', theirs, *parts[4:]])]
