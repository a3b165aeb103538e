"""Freezing, recomputing and loading, on small versions of all four networks."""

import copy

import pytest
import torch
from mmengine.model import PretrainedInit

from auxskd_mm.errors import InputError
from auxskd_mm.registry import MODELS

# Small networks and the names of their stem.
NETWORKS = {
    'r2plus1d': (dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=2), ('conv1', 'bn1')),
    'r3d': (dict(type='auxskd_mm.R3DVCOP', base_channels=2, stage_blocks=(2, 1)), ('conv1', 'bn1')),
    'c3d': (dict(type='auxskd_mm.C3DBN', base_channels=2), ('conv1', 'bn1')),
    's3dg': (
        dict(type='auxskd_mm.S3DG', width=1 / 32, stage_blocks=(1, 2, 1)),
        ('conv1', 'conv_2b', 'conv_2c', 'gating'),
    ),
}


@pytest.fixture(params=NETWORKS)
def config(request):
    return NETWORKS[request.param][0]


def build(config, seed=0, **kwargs):
    torch.manual_seed(seed)
    return MODELS.build({**config, **kwargs})


def clips(seed=0, batch=2):
    return torch.randn(batch, 3, 8, 32, 32, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize('name', NETWORKS)
def test_frozen_stem(name):
    config, stem = NETWORKS[name]
    network = build(config, frozen_stages=0)
    before = copy.deepcopy(network.state_dict())
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    network.eval()
    network.train()
    network(clips()).sum().backward()
    optimizer.step()
    for key, value in network.state_dict().items():
        frozen = key.split('.')[0] in stem
        if key.endswith('running_mean'):
            assert torch.equal(value, before[key]) == frozen, key
    for key, parameter in network.named_parameters():
        frozen = key.split('.')[0] in stem
        assert parameter.requires_grad != frozen
        assert (parameter.grad is None) == frozen
        if frozen:
            assert torch.equal(parameter, before[key])
    assert {m.training for key in stem for m in getattr(network, key).modules()} == {False}
    assert network.training


def test_frozen_whole(config):
    network = build(config)
    last = len(network._stages) - 1
    network = build(config, frozen_stages=last)
    assert not any(p.requires_grad for p in network.parameters())
    x = clips()
    assert torch.equal(network.train()(x), network.eval()(x))
    for stage in (-2, last + 1):
        with pytest.raises(InputError, match=rf'frozen_stages={stage}: expected -1 \(none\) to {last}'):
            build(config, frozen_stages=stage)


@pytest.mark.parametrize('frozen_stages', [-1, 0, 1])
def test_recomputing_changes_nothing(config, frozen_stages):
    plain, thrifty = (build(config, with_cp=flag, frozen_stages=frozen_stages) for flag in (False, True))
    for step in range(2):
        x, outputs = clips(step), []
        for network in (plain, thrifty):
            network.zero_grad()
            network.train()
            outputs.append(network(x))
            outputs[-1].square().sum().backward()
        assert torch.equal(*outputs)
        for (key, mine), other in zip(plain.named_parameters(), thrifty.parameters()):
            assert mine.requires_grad == other.requires_grad
            assert mine.grad is None if other.grad is None else torch.equal(mine.grad, other.grad), key
    for key, value in plain.state_dict().items():
        assert torch.equal(value, thrifty.state_dict()[key]), key
        if key.endswith('num_batches_tracked') and frozen_stages == -1:
            assert value.item() == 2
    assert all(m.track_running_stats for m in thrifty.modules() if isinstance(m, torch.nn.BatchNorm3d))


def test_recomputing_takes_place(config):
    network, calls = build(config, with_cp=True), []
    network.conv1.register_forward_hook(lambda *_: calls.append(1))
    network(clips()).sum().backward()
    assert len(calls) == 2
    with torch.no_grad():
        network(clips())
    network.eval()(clips()).sum().backward()
    assert len(calls) == 4


def saved(tmp_path, network, prefix, wrap=True):
    path = str(tmp_path / 'weights.pth')
    state = {prefix + key: value for key, value in network.state_dict().items()}
    torch.save(dict(state_dict={'cls_head.weight': torch.zeros(2), **state}) if wrap else state, path)
    return path


def check_arrival(config, init_cfg, source):
    network = build(config, seed=2, init_cfg=init_cfg)
    network.init_weights()
    assert all(torch.equal(network.state_dict()[key], value) for key, value in source.state_dict().items())


def test_pretrained_weights_arrive_whole(config, tmp_path):
    source = build(config, seed=1)
    source(clips())  # running statistics that are not those of a fresh network
    path = saved(tmp_path, source, 'backbone.')
    check_arrival(config, dict(type='Pretrained', checkpoint=path, prefix='backbone.'), source)


@pytest.mark.parametrize(
    ('stored', 'asked', 'wrap'),
    [
        ('backbone.', 'backbone', False),
        ('teacher.backbone.', 'teacher.backbone.', True),
        ('', None, True),
        ('backbone.', None, True),  # the network is found
        ('module.', None, False),
    ],
)
def test_pretrained_weights_under_any_prefix(stored, asked, wrap, tmp_path):
    config = NETWORKS['r3d'][0]
    source = build(config, seed=1)
    init = dict(type='Pretrained', checkpoint=saved(tmp_path, source, stored, wrap))
    if asked is not None:
        init['prefix'] = asked
    for init_cfg in (init, [init], [{**init, 'type': PretrainedInit}]):
        check_arrival(config, init_cfg, source)


def test_pretrained_weights_arrive_inside_a_recogniser(tmp_path):
    config = NETWORKS['r3d'][0]
    source = build(config, seed=1)
    init = dict(type='Pretrained', checkpoint=saved(tmp_path, source, 'backbone.'), prefix='backbone.')
    model = MODELS.build(
        dict(
            type='Recognizer3D',
            backbone={**config, 'init_cfg': init},
            cls_head=dict(type='auxskd_mm.VSPPHead', in_channels=4),
        )
    )
    model.init_weights()
    assert all(torch.equal(model.backbone.state_dict()[key], value) for key, value in source.state_dict().items())


@pytest.mark.parametrize(
    ('other', 'stored', 'asked', 'says'),
    [
        ('c3d', 'backbone.', 'backbone.', 'only .* tensors fit .*another network'),
        ('r3d', 'backbone.', None, r'only 0 of .*; the file has .*backbone\.'),
        ('r2plus1d', '', 'backbone.', r"init_cfg\.prefix='backbone\.' is the prefix of no key; leave it out"),
        ('r2plus1d', 'backbone.', '', r"init_cfg\.prefix='' is the prefix of no key"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(other, stored, asked, says, tmp_path):
    path = saved(tmp_path, build(NETWORKS[other][0]), stored)
    init = dict(type='Pretrained', checkpoint=path)
    if asked is not None:
        init['prefix'] = asked
    network = build(NETWORKS['r2plus1d'][0], init_cfg=init)
    before = copy.deepcopy(network.state_dict())
    with pytest.raises(InputError, match=says) as error:
        network.init_weights()
    assert str(error.value).startswith(path)
    assert '\n' not in str(error.value)
    assert all(torch.equal(network.state_dict()[key], value) for key, value in before.items())


def test_other_initialisations_go_their_way():
    init = [dict(type='Constant', layer='Conv3d', val=0.5), dict(type='Constant', layer='BatchNorm3d', val=2)]
    network = build(NETWORKS['r3d'][0], init_cfg=init)
    network.init_weights()
    assert (network.conv2.block1.conv1.temporal_spatial_conv.weight == 0.5).all()
    assert (network.bn1.weight == 2).all()


@pytest.mark.parametrize('shape', [(16, 3, 32, 32), (3, 3, 32, 32), (2, 1, 3, 8, 32, 32)])
def test_inputs_that_are_no_clips(shape):
    """Frames of a Recognizer2D, or FormatShape without a time axis; torch would take (3, 3, 32, 32) for one clip."""
    backbone = MODELS.build(dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=2)).eval()
    with pytest.raises(InputError, match=r"R2Plus1DVCOP\) takes clips \(B, C, T, H, W\), got .*input_format='NCTHW'"):
        backbone(torch.rand(shape))


def test_mmengine_traces_them_for_efficient_conv_bn_eval():
    backbone = MODELS.build(dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=2)).eval()
    clips = torch.rand(1, 3, 4, 16, 16)
    assert torch.equal(torch.fx.symbolic_trace(backbone)(clips), backbone(clips))
