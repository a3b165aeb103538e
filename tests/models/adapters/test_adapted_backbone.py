"""Adapted backbones from configs: what trains, what BatchNorm does, what the methods make of them."""

import copy

import pytest
import torch
from conftest import needs_newer_exporter
from mmengine.optim import build_optim_wrapper
from small_models import METHODS, MMACTION, make_batch
from torch import nn

from auxskd_mm.errors import InputError
from auxskd_mm.functional.adapter_state import is_adapter_key
from auxskd_mm.models.adapters import ConvAdapter, add_adapters, freeze_base
from auxskd_mm.models.adapters.adapted_backbone import norms_in_training
from auxskd_mm.registry import MODELS
from auxskd_mm.zoo.export import ClipNetwork, _program, _write, compare

BASE = dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=2)


def adapted(**options):
    adapters = dict(patterns='conv[2-5]', type='auxskd_mm.ConvAdapter')
    return dict(type='auxskd_mm.AdaptedBackbone', backbone=BASE, **{'adapters': adapters, **options})


def state_of(module):
    return {key: value.clone() for key, value in module.state_dict().items()}


def changed(module, before):
    return {key for key, value in module.state_dict().items() if not torch.equal(value, before[key])}


@pytest.mark.parametrize('norm', ['batch', 'frozen'])
@pytest.mark.parametrize('method', METHODS)
def test_steps_of_each_method_leave_the_frozen_weights_alone(method, norm):
    build, views, lengths, labels, losses = METHODS[method]
    torch.manual_seed(0)
    model = MODELS.build(build(adapted(norm=norm), 16))
    optimizer = build_optim_wrapper(
        model, dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=0.5))
    )
    if hasattr(model, 'teacher'):
        model.teacher.copy_from(model.student_modules())
    before = state_of(model)
    model.train()
    batch = make_batch(views, 8 * lengths, 16, labels)
    for _ in range(2):
        assert losses <= set(model.train_step(batch, optimizer))
        if hasattr(model, 'teacher'):
            model.teacher.update(model.student_modules(), 0.9)
    moved = changed(model, before)
    statistics = {key for key in moved if key.endswith(('running_mean', 'running_var', 'num_batches_tracked'))}
    backbone = {key for key in moved - statistics if 'backbone.' in key}
    assert backbone
    assert all(is_adapter_key(key) for key in backbone)
    assert {
        key for key in before if is_adapter_key(key) and '.up.bias' in key and not key.startswith('teacher.')
    } <= moved
    assert any(key.startswith('backbone.') for key in statistics) == (norm == 'batch')
    assert any(key.startswith('teacher.backbone.') for key in statistics) == (
        norm == 'batch' and hasattr(model, 'teacher')
    )
    assert any('adapters' in key for key in moved if key.startswith('teacher.')) == hasattr(model, 'teacher')


def test_modules_that_train_too():
    net = MODELS.build(adapted(trainable=['conv5', '**.bn2'], norm='frozen'))
    trained = {name for name, p in net.named_parameters() if p.requires_grad and not is_adapter_key(name)}
    assert {name for name in trained if not name.startswith('conv5.')} == {
        f'conv{i}.block1.bn2.{kind}' for i in (2, 3, 4) for kind in ('weight', 'bias')
    }
    net.train()
    assert net.conv5.block1.bn1.training
    assert net.conv2.block1.bn2.training
    assert not net.conv2.block1.bn1.training
    assert not torch.nn.SyncBatchNorm.convert_sync_batchnorm(net).train().conv2.block1.bn1.training


def test_several_kinds():
    net = MODELS.build(
        adapted(
            adapters=[
                dict(patterns='conv2', type='auxskd_mm.TemporalAdapter', reduction=2),
                dict(patterns='conv3', type='auxskd_mm.MLPAdapter', zero_init=False),
            ]
        )
    )
    assert [type(a).__name__ for a in net.adapters.values()] == ['TemporalAdapter', 'MLPAdapter']
    assert net.adapters.conv2.up.weight.abs().sum() == 0 < net.adapters.conv3.up.weight.abs().sum()


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(norm='eval'), "norm='eval': expected 'batch' or 'frozen'"),
        (dict(adapters=dict(type='auxskd_mm.ConvAdapter')), 'needs patterns'),
        (dict(trainable='conv9'), "'conv9' matches no module"),
        (dict(adapters=[]), r'AdaptedBackbone\.adapters=\[\]: expected dict\(patterns=.*, take the backbone alone'),
        (dict(adapters={}), 'needs patterns'),
        (dict(adapters=None), r'AdaptedBackbone\.adapters=None: expected dict'),
        (dict(adapters='conv2'), r"AdaptedBackbone\.adapters='conv2': expected dict"),
        (dict(adapters=['conv2']), r"AdaptedBackbone\.adapters=\['conv2'\]: expected dict"),
        (dict(adapters=3), r'AdaptedBackbone\.adapters=3: expected dict'),
        (dict(adapters=dict(patterns='conv2', zero_init='no')), r"adapters\.zero_init='no': expected True or False"),
        (dict(adapters=dict(patterns='conv2', zero_init=None)), r'adapters\.zero_init=None: expected True or False'),
        (dict(adapters=dict(patterns='conv2', scale='no')), r"adapters\.scale='no': expected True or False"),
        (dict(trainable=3), r'AdaptedBackbone\.trainable=3: expected names of modules'),
        (dict(trainable=[3]), r'AdaptedBackbone\.trainable=\[3\]: expected names of modules'),
        (dict(clip=8), r'clip=8: expected \(T, H, W\)'),
        (dict(clip='abc'), r"clip='abc': expected \(T, H, W\)"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InputError, match=message) as error:
        MODELS.build(adapted(**options))
    assert '\n' not in str(error.value)


def test_nothing_more_is_trained_without_names():
    for trainable in (None, (), []):
        net = MODELS.build(adapted(trainable=trainable))
        assert all(is_adapter_key(name) == p.requires_grad for name, p in net.named_parameters())


@pytest.mark.parametrize(
    ('backbone', 'kind', 'patterns', 'clip'),
    [
        (BASE, 'ConvAdapter', 'conv?', (8, 16, 16)),
        pytest.param(
            dict(MMACTION['ResNetTSM'][0]), 'TemporalAdapter', 'layer?', (4, 16, 16), marks=needs_newer_exporter
        ),
    ],
)
def test_export_with_a_free_batch_size(backbone, kind, patterns, clip, tmp_path):
    adapters = dict(patterns=patterns, type=f'auxskd_mm.{kind}', zero_init=False)
    net = MODELS.build(dict(type='auxskd_mm.AdaptedBackbone', backbone=backbone, adapters=adapters))
    model = nn.Module()
    model.backbone = net
    net.eval()
    network = ClipNetwork(model, 'feature')
    example = torch.rand(2, 3, *clip) * 255
    _write(_program(network, example), example, tmp_path / 'net.pt2', ('feature',))
    assert compare(tmp_path / 'net.pt2', network, example) < 1e-3
    copy.deepcopy(net)


FROZEN = [  # bases that freeze layers of their own, a pattern for adapters, and a part of them
    (dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=2, frozen_stages=4), 'conv[2-5]', 'conv5'),
    (dict(type='auxskd_mm.TimmBackbone', model='resnet10t', frozen_stages='all'), 'trunk.layer?', 'trunk.layer4'),
    (
        dict(type='mmaction.ResNet3dSlowOnly', depth=18, base_channels=4, frozen_stages=4, norm_eval=True),
        'layer?',
        'layer4',
    ),
]


@pytest.mark.parametrize(('backbone', 'patterns', 'part'), FROZEN)
def test_settings_of_the_base_that_undo_ours_are_refused(backbone, patterns, part):
    config = dict(type='auxskd_mm.AdaptedBackbone', backbone=backbone, adapters=dict(patterns=patterns))
    for options, says in (
        (dict(trainable=part), rf'AdaptedBackbone\.trainable: settings of \w+ itself, .* freeze {part} again'),
        (dict(norm='batch'), r'AdaptedBackbone\.norm: settings of \w+ itself, .* again; leave them out'),
    ):
        with pytest.raises(InputError, match=says) as error:
            MODELS.build(dict(config, **options))
        assert '\n' not in str(error.value)
    for options in ({}, dict(norm='frozen')):  # no contradiction
        net = MODELS.build(dict(config, **options))
        assert not any(norms_in_training(net).values())
        assert all(is_adapter_key(name) == p.requires_grad for name, p in net.named_parameters())


def test_a_base_that_freezes_only_its_norms_trains_the_rest():
    backbone = dict(type='mmaction.ResNetTSM', depth=18, num_segments=8, partial_bn=True, pretrained=None)
    net = MODELS.build({**adapted(trainable='layer4', adapters=dict(patterns='layer3')), 'backbone': backbone})
    net.train()
    trained = {name for name, p in net.named_parameters() if p.requires_grad and not is_adapter_key(name)}
    assert trained
    assert all(name.startswith('layer4.') and '.bn' not in name for name in trained)


def test_a_number_may_be_an_option_of_an_adapter_from_outside():
    @MODELS.register_module(force=True)
    class ScaledAdapter(ConvAdapter):
        def __init__(self, channels, scale=1.0, **kwargs):
            super().__init__(channels, **kwargs)
            self.factor = scale

    net = MODELS.build(adapted(adapters=dict(patterns='conv2', type='ScaledAdapter', scale=0.1)))
    assert net.adapters.conv2.factor == 0.1


def test_norm_eval_leaves_the_weights_to_trainable():
    backbone = dict(type='auxskd_mm.TimmBackbone', model='resnet10t', norm_eval=True)
    config = dict(type='auxskd_mm.AdaptedBackbone', backbone=backbone, adapters=dict(patterns='trunk.layer1'))
    net = MODELS.build(dict(config, trainable='trunk.layer4'))
    assert all(p.requires_grad for p in net.trunk.layer4.parameters())
    assert not any(norms_in_training(net).values())
    with pytest.raises(InputError, match=r'AdaptedBackbone\.norm: settings of TimmBackbone'):
        MODELS.build(dict(config, norm='batch'))


def test_a_look_at_the_norms_leaves_their_modes():
    net = MODELS.build(adapted()).eval()
    assert all(norms_in_training(net).values())
    assert not any(module.training for module in net.modules())


def test_a_norm_without_weights_inside_a_trained_part_trains():
    net = nn.Sequential(
        nn.Conv3d(3, 8, 3, padding=1),
        nn.BatchNorm3d(8, affine=False),
        nn.Sequential(nn.Conv3d(8, 8, 1), nn.BatchNorm3d(8, affine=False)),
    )
    add_adapters(net, '0', dict(reduction=2))
    freeze_base(net, '2', 'frozen')
    net.train()
    assert not net[1].training
    assert net[2][1].training
