"""Learning rates by layer: a hand-made list of the expected rates for each kind of backbone."""

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from torch import nn

from auxskd_mm.errors import InputError
from auxskd_mm.models.layer_decay import backbone_layers
from auxskd_mm.registry import MODELS


class Model(nn.Module):
    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone
        self.cls_head = nn.Linear(2, 2)


def rates(backbone, decay=0.5, **paramwise):
    model = Model(MODELS.build(backbone))
    config = dict(
        type='OptimWrapper',
        optimizer=dict(type='AdamW', lr=1.0, weight_decay=0.1),
        constructor='auxskd_mm.LayerDecayConstructor',
        paramwise_cfg=dict(layer_decay=decay, **paramwise),
    )
    wrapper = build_optim_wrapper(model, config)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    found = {names[id(group['params'][0])]: group for group in wrapper.optimizer.param_groups}
    assert set(found) == set(names.values())  # each parameter once
    return {name: group['lr'] for name, group in found.items()}, found


CASES = {  # backbone: rate of some parameters, by hand
    'R2Plus1DVCOP': (
        dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=2),
        {'conv1.spatial_conv.weight': 1 / 32, 'bn1.weight': 1 / 32, 'conv2.': 1 / 16, 'conv4.': 1 / 4, 'conv5.': 1 / 2},
    ),
    'C3DBN': (
        dict(type='auxskd_mm.C3DBN', base_channels=2),
        {
            'conv1.weight': 1 / 32,
            'bn2.bias': 1 / 16,
            'conv3a.weight': 1 / 8,
            'bn3b.weight': 1 / 8,
            'conv5b.bias': 1 / 2,
        },
    ),
    'S3DG': (
        dict(type='auxskd_mm.S3DG', width=1 / 32, stage_blocks=(1, 1, 1)),
        {'conv1.': 1 / 16, 'gating.': 1 / 16, 'mixed_3b.': 1 / 8, 'mixed_5b.': 1 / 2},
    ),
    'TimmBackbone': (
        dict(
            type='auxskd_mm.TimmBackbone',
            model='resnet10t',
            temporal=dict(type='auxskd_mm.TemporalConvs', channels=4, blocks=1),
        ),
        {'trunk.conv1.': 1 / 64, 'trunk.layer1.': 1 / 32, 'trunk.layer4.': 1 / 4, 'temporal.': 1 / 2},
    ),
    'TemporalConvs': (
        dict(type='auxskd_mm.TemporalConvs', in_channels=3, channels=4, blocks=2),
        {'project.': 1 / 8, 'blocks.0.': 1 / 4, 'blocks.1.': 1 / 2},
    ),
    'ResNet3d': (
        dict(type='ResNet3d', depth=18, pretrained=None, base_channels=4),
        {'conv1.': 1 / 32, 'layer1.': 1 / 16, 'layer4.': 1 / 2},
    ),
    'VisionTransformer': (
        dict(
            type='VisionTransformer',
            img_size=16,
            patch_size=8,
            embed_dims=16,
            depth=2,
            num_heads=2,
            num_frames=4,
            use_mean_pooling=True,
        ),
        {'patch_embed.': 1 / 16, 'blocks.0.': 1 / 8, 'blocks.1.': 1 / 4},
    ),
}


@pytest.mark.parametrize('name', CASES)
def test_rates_by_hand(name):
    backbone, expected = CASES[name]
    found, _ = rates(backbone)
    assert found['cls_head.weight'] == found['cls_head.bias'] == 1.0
    for prefix, rate in expected.items():
        own = {key: value for key, value in found.items() if key.startswith(f'backbone.{prefix}')}
        assert own, prefix
        assert set(own.values()) == {rate}, own


def test_a_decay_of_one_changes_nothing_and_other_options_go_on_working():
    found, groups = rates(dict(type='auxskd_mm.C3DBN', base_channels=2), decay=1.0, norm_decay_mult=0.0)
    assert set(found.values()) == {1.0}
    assert groups['backbone.bn1.weight']['weight_decay'] == 0
    assert groups['backbone.conv1.weight']['weight_decay'] == 0.1
    found, _ = rates(dict(type='auxskd_mm.C3DBN', base_channels=2), custom_keys={'conv5': dict(lr_mult=0.1)})
    assert (found['backbone.conv5a.weight'], found['backbone.bn5a.weight']) == (0.05, 0.5)


def test_what_has_no_order_is_refused():
    both = nn.Module()
    both.slow_path, both.fast_path = nn.Linear(1, 1), nn.Linear(1, 1)
    with pytest.raises(InputError, match='parallel paths'):
        backbone_layers(both)
    with pytest.raises(InputError, match=r'layer_decay=0: expected a factor'):
        rates(dict(type='auxskd_mm.C3DBN', base_channels=2), decay=0)


def test_free_parameters_are_in_the_first_layer_and_a_wrapper_is_none():
    inner = nn.Module()
    inner.tokens = nn.Parameter(torch.zeros(2))
    inner.embed, inner.blocks, inner.norm = (
        nn.Linear(2, 2),
        nn.Sequential(*map(nn.Linear, (2, 2), (2, 2))),
        nn.Linear(2, 2),
    )
    wrapper = nn.Module()
    wrapper.scale, wrapper.network = nn.Parameter(torch.ones(1)), inner
    for backbone, start in ((inner, ''), (wrapper, 'network.')):
        layers = backbone_layers(backbone)
        free = ['tokens'] if backbone is inner else ['scale', 'network.tokens']
        assert layers == [
            [*free, f'{start}embed.weight', f'{start}embed.bias'],
            *([f'{start}{name}.weight', f'{start}{name}.bias'] for name in ('blocks.0', 'blocks.1', 'norm')),
        ]
