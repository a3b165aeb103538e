"""timm's files in a TimmBackbone, by `init_cfg` and by the names in a training checkpoint."""

import copy
import functools

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from auxskd_mm.errors import InputError
from auxskd_mm.functional.public_weights.left_over import removed_tensors
from auxskd_mm.functional.transfer import load_checked
from auxskd_mm.registry import MODELS


@torch.no_grad()
def shaken(network):
    for value in network.state_dict().values():
        if value.is_floating_point():
            value += torch.rand_like(value) * 0.1
    return network.eval()


@pytest.mark.parametrize(
    ('model', 'options'),
    [
        ('resnet10t', {}),
        ('resnet10t', dict(temporal='inflate')),
        ('resnet10t', dict(temporal='shift', shift_fraction=0.0)),
        ('resnet10t', dict(out_indices=2)),
        ('test_efficientnet', {}),
        ('test_vit', dict(img_size=64)),
    ],
)
def test_timm_s_file_computes_the_same_on_a_still_clip(model, options, tmp_path):
    size = {key: value for key, value in options.items() if key == 'img_size'}
    theirs = shaken(timm.create_model(model, num_classes=5, **size))
    save_file(theirs.state_dict(), tmp_path / 'x.safetensors')
    init = dict(type='Pretrained', checkpoint=str(tmp_path / 'x.safetensors'))
    ours = MODELS.build(dict(type='auxskd_mm.TimmBackbone', model=model, init_cfg=init, **options))
    ours.init_weights()
    ours.eval()
    frame = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        found = ours(frame.unsqueeze(2).repeat(1, 1, 5, 1, 1))[:, :, 2]
        if 'out_indices' in options:
            expected = theirs.forward_intermediates(frame, indices=[2], intermediates_only=True)[0]
        else:
            expected = theirs.forward_features(frame)
        if expected.ndim == 3:  # tokens, the class token first
            expected, found = expected[:, 1:].mean(1), found.mean((2, 3))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_a_module_on_top_starts_fresh_and_the_trunk_comes():
    config = dict(type='auxskd_mm.TimmBackbone', model='resnet10t')
    model = nn.Module()
    model.backbone = MODELS.build(dict(config, temporal=dict(type='auxskd_mm.TemporalConvs', channels=8)))
    theirs = shaken(timm.create_model('resnet10t'))
    said = load_checked(model, theirs.state_dict(), ('backbone.',), 'x.pth')
    assert 'start anew: backbone.temporal.' in said
    assert torch.equal(model.backbone.trunk.layer4[0].conv1.weight, theirs.layer4[0].conv1.weight)


def test_another_network_of_timm_is_refused():
    model = nn.Module()
    model.backbone = MODELS.build(dict(type='auxskd_mm.TimmBackbone', model='resnet10t'))
    with pytest.raises(InputError, match=r'^x\.pth: only \d+ of \d+ backbone tensors fit') as error:
        load_checked(model, timm.create_model('test_efficientnet').state_dict(), ('backbone.',), 'x.pth')
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('own', [True, False])
def test_a_2d_checkpoint_of_a_training_fills_an_inflated_network(own, tmp_path):
    """`load_from` of a TimmBackbone with `temporal='none'`, or of timm's bare network."""
    config = dict(type='auxskd_mm.TimmBackbone', model='test_efficientnet')
    flat, model = nn.Module(), nn.Module()
    flat.backbone, model.backbone = MODELS.build(config), MODELS.build(dict(config, temporal='inflate'))
    shaken(flat)
    state = flat.state_dict() if own else flat.backbone.trunk.state_dict()
    said = load_checked(model, state, ('backbone.',), 'x.pth')
    assert '100.0% of the numbers in the model' in said
    still = torch.rand(1, 3, 1, 64, 64).expand(-1, -1, 4, -1, -1)
    with torch.no_grad():
        expected = flat.eval().backbone(still)
        assert (model.eval().backbone(still) - expected).abs().max() <= 1e-5 * expected.abs().max()
    init = dict(type='Pretrained', checkpoint=str(tmp_path / 'x.pth'))
    torch.save(dict(state_dict=state), init['checkpoint'])
    again = MODELS.build(dict(config, temporal='inflate', init_cfg=init))
    again.init_weights()
    assert all(torch.equal(value, model.backbone.state_dict()[key]) for key, value in again.state_dict().items())


@pytest.mark.parametrize(
    ('theirs', 'ours'),
    [
        (dict(model_name='resnet34'), dict(model='resnet18')),
        (dict(model_name='efficientnet_lite1'), dict(model='efficientnet_lite0')),
        (dict(model_name='test_convnext', depths=(1, 2, 6, 2)), dict(model='test_convnext', depths=(1, 2, 4, 2))),
        (dict(model_name='test_vit', depth=4), dict(model='test_vit', depth=2)),
    ],
)
@pytest.mark.parametrize('way', ['load_from', 'init_cfg'])
def test_a_deeper_network_of_the_family_is_refused(theirs, ours, way, tmp_path):
    path = str(tmp_path / 'x.pth')
    torch.save(timm.create_model(**theirs).state_dict(), path)
    config = dict(type='auxskd_mm.TimmBackbone', **ours)
    model = nn.Module()
    model.backbone = MODELS.build(dict(config, init_cfg=dict(type='Pretrained', checkpoint=path)))
    load = model.backbone.init_weights
    if way == 'load_from':
        load = functools.partial(load_checked, model, torch.load(path), ('backbone.',), path)
    with pytest.raises(InputError, match=r'x\.pth: is of a deeper network: it has (backbone\.)?trunk\.') as error:
        load()
    assert '\n' not in str(error.value)


CUT = [dict(out_indices=2), dict(out_indices=(0, 1)), dict(in_index=2)]


@pytest.mark.parametrize('cut', CUT)
def test_a_cut_network_takes_the_whole_one_s_file_and_no_deeper_one(cut):
    """Of `resnet18`'s file the layers that were cut off may be left; those of `resnet34` never were in the network."""
    model = nn.Module()
    model.backbone = MODELS.build(dict(type='auxskd_mm.TimmBackbone', model='resnet18', **cut))
    theirs = shaken(timm.create_model('resnet18')).state_dict()
    load_checked(model, theirs, ('backbone.',), 'x.pth')
    trunk = model.backbone.trunk.state_dict()
    assert len(trunk) < len(theirs) - 2
    assert all(torch.equal(value, theirs[key]) for key, value in trunk.items())
    whole = MODELS.build(dict(type='auxskd_mm.TimmBackbone', model='resnet18')).state_dict()
    load_checked(model, {f'backbone.{key}': value for key, value in whole.items()}, ('backbone.',), 'own.pth')
    deeper = timm.create_model('resnet34').state_dict()
    with pytest.raises(InputError, match=r'^x\.pth: is of a deeper network: it has backbone\.trunk\.layer\d\.2\.'):
        load_checked(model, deeper, ('backbone.',), 'x.pth')
    with pytest.raises(InputError, match=r'is of a deeper network'):
        model.backbone.load_trunk(deeper, 'x.pth')


@pytest.mark.parametrize('cut', [{}, *CUT])
def test_a_part_inside_a_block_is_refused(cut):
    """seresnet18 is resnet18 with squeeze-and-excitation in each block."""
    model = nn.Module()
    model.backbone = MODELS.build(dict(type='auxskd_mm.TimmBackbone', model='resnet18', **cut))
    file = shaken(timm.create_model('seresnet18')).state_dict()
    with pytest.raises(
        InputError, match=r'^x\.pth: has backbone\.trunk\.layer1\.0\.se\.fc1\.weight, and .*layer1\.0 of'
    ):
        load_checked(model, file, ('backbone.',), 'x.pth')
    load_checked(model, {key: value for key, value in file.items() if '.se.' not in key}, ('backbone.',), 'x.pth')


@pytest.mark.parametrize('name', ['resnet18', 'test_convnext', 'test_vit', 'efficientvit_b0', 'tf_efficientnet_lite0'])
def test_the_classifier_may_be_left(name):
    """Also one with norm and hidden layers in the module of a head that the trunk keeps."""
    model = nn.Module()
    model.backbone = MODELS.build(dict(type='auxskd_mm.TimmBackbone', model=name))
    said = load_checked(model, timm.create_model(name).state_dict(), ('backbone.',), 'x.pth')
    assert '100.0% of the numbers in the model; not used: backbone.trunk.' in said


def test_the_names_that_were_cut_go_with_a_copy():
    """A teacher is a copy of the network."""
    backbone = MODELS.build(dict(type='auxskd_mm.TimmBackbone', model='resnet18', out_indices=1))
    names = removed_tensors(copy.deepcopy(backbone))
    assert 'trunk.layer4.1.bn2.weight' in names
    assert 'trunk.layer1.0.conv1.weight' not in names
