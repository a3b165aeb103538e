"""Adapters behind modules of backbones of all kinds."""

import copy
import pickle

import pytest
import torch
from small_models import MMACTION
from torch import nn
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from auxskd_mm.errors import InputError
from auxskd_mm.models.adapters import add_adapters
from auxskd_mm.models.adapters.add_adapters import match_names
from auxskd_mm.models.backbones.frames import build_backbone

OURS = {
    'R2Plus1DVCOP': (dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=2), 8, 16),
    'S3DG': (dict(type='auxskd_mm.S3DG'), 8, 32),
    'C3DBN': (dict(type='auxskd_mm.C3DBN', base_channels=2), 16, 32),
    'pytorchvideo': (
        dict(
            type='auxskd_mm.PyTorchVideoBackbone',
            model='create_resnet',
            stem_dim_out=4,
            head_pool_kernel_size=(8, 1, 1),
        ),
        8,
        32,
    ),
    'timm convolutions': (dict(type='auxskd_mm.TimmBackbone', model='test_resnet', temporal='shift'), 4, 64),
    'timm transformer': (dict(type='auxskd_mm.TimmBackbone', model='test_vit'), 4, 160),
}
CASES = [  # backbone, adapter, patterns, modules
    ('R2Plus1DVCOP', 'ConvAdapter', 'conv[2-5]', 4),
    ('R2Plus1DVCOP', 'MLPAdapter', 're:conv[2-5]', 4),
    ('S3DG', 'ConvAdapter', 're:.*(3b|5c)', None),
    ('ResNet3d', 'ConvAdapter', 'layer?.*', 8),
    ('ResNet3d', 'TemporalAdapter', ['layer1.0', 'layer4.**.bn'], None),
    ('ResNetTSM', 'TemporalAdapter', 'layer?.*', 8),
    ('ResNetTSM', 'ConvAdapter', 'layer?.*', 8),
    ('ResNet', 'TemporalAdapter', 'layer?.*', None),
    ('VisionTransformer', 'MLPAdapter', 'blocks.*.mlp', 1),
    ('SwinTransformer3D', 'MLPAdapter', 'layers.*.blocks.*', 4),
    ('X3D', 'ConvAdapter', 'layer?', 4),
    ('C3DBN', 'ConvAdapter', 'bn*', 8),
    ('pytorchvideo', 'ConvAdapter', 'model.blocks.*', 5),
    ('timm convolutions', 'ConvAdapter', 'trunk.layer?.*', None),
    ('timm convolutions', 'TemporalAdapter', 'trunk.layer?', 4),
    ('timm transformer', 'TemporalAdapter', 'trunk.blocks.*', 6),
    ('timm transformer', 'MLPAdapter', 'trunk.blocks.*.mlp', 6),
]


def network(name):
    config, frames, size = {**MMACTION, **OURS}[name]
    torch.manual_seed(0)
    built = build_backbone(dict(config))
    built.eval()
    return built, torch.randn(2, 3, frames, size, size), (frames, size, size)


def same(a, b):
    ours, theirs = tree_leaves(a), tree_leaves(b)
    return len(ours) == len(theirs) and all(torch.equal(x, y) for x, y in zip(ours, theirs))


@pytest.mark.parametrize(('name', 'kind', 'patterns', 'count'), CASES)
def test_outputs_and_names_stay_and_copies_are_whole(name, kind, patterns, count):
    net, clips, clip = network(name)
    state = {key: value.clone() for key, value in net.state_dict().items()}
    with torch.no_grad():
        expected = net(clips)
        names = add_adapters(net, patterns, dict(type=f'auxskd_mm.{kind}', reduction=2), clip=clip)
        assert names
        assert count is None or len(names) == count
        assert not any(module.training for module in net.modules())
        assert same(net(clips), expected)
        after = net.state_dict()
        assert {key for key in after if not key.startswith('adapters.')} == set(state)
        assert all(torch.equal(after[key], value) for key, value in state.items())
        twin = copy.deepcopy(net)
        for adapter in twin.adapters.values():
            nn.init.normal_(adapter.up.weight, std=0.3)
        assert same(net(clips), expected)  # the copy has adapters of its own
        changed = twin(clips)
        assert not same(changed, expected)
        assert torch.isfinite(tree_leaves(changed)[0]).all()


@pytest.mark.parametrize('name', ['ResNet3d', 'VisionTransformer', 'SwinTransformer3D', 'R2Plus1DVCOP'])
def test_initialisation_of_the_backbone_leaves_adapters_alone(name):
    net, _, clip = network(name)
    patterns = {'ResNet3d': 'layer?.*', 'R2Plus1DVCOP': 'conv?'}.get(name, 're:(layers.*)?blocks[.][0-9]+')
    add_adapters(net, patterns, dict(type='auxskd_mm.MLPAdapter'), clip=clip)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    net.init_weights()
    after = net.state_dict()
    assert all(torch.equal(after[key], before[key]) for key in after if key.startswith('adapters.'))


def test_width_without_a_given_size():
    for name, patterns in (('R2Plus1DVCOP', 'conv?'), ('VisionTransformer', 'blocks.*'), ('ResNetTSM', 'layer?')):
        net, _, _ = network(name)
        assert add_adapters(net, patterns, dict(type='auxskd_mm.MLPAdapter'))


def test_stages_frozen_by_the_backbone_keep_trained_adapters():
    net = build_backbone(dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=2, frozen_stages=1))
    add_adapters(net, ['conv2', 'conv3'], zero_init=False)
    net.train()
    net(torch.randn(2, 3, 8, 16, 16)).sum().backward()
    assert net.conv2.block1.conv1.bn.weight.grad is None
    assert net.adapters.conv2.down.weight.grad.abs().sum() > 0


def test_recomputed_stages_give_the_same_gradients():
    grads = []
    for with_cp in (False, True):
        torch.manual_seed(0)
        net = build_backbone(dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=2, with_cp=with_cp))
        add_adapters(net, 'conv?', zero_init=False)
        net(torch.randn(2, 3, 8, 16, 16, generator=torch.Generator().manual_seed(1))).square().sum().backward()
        grads.append([p.grad for p in net.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*grads))


def test_sequential_backbone_and_pickle():
    net = nn.Sequential(nn.Conv3d(3, 8, 3), nn.ReLU())
    x = torch.randn(2, 3, 4, 6, 6)
    expected = net(x)
    assert add_adapters(net, '0', dict(type='auxskd_mm.ConvAdapter')) == ['0']
    assert torch.equal(net(x), expected)
    nn.init.normal_(net.adapters['0'].up.weight)
    again = pickle.loads(pickle.dumps(net))
    assert torch.equal(again(x), net(x))
    assert not torch.equal(again(x), expected)


def test_flops_are_counted_and_the_network_compiles():
    net, clips, _ = network('R2Plus1DVCOP')
    counts = []
    for _ in range(2):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            net(clips)
        counts.append(counter.get_total_flops())
        if len(counts) == 1:
            add_adapters(net, 'conv2', dict(reduction=2), zero_init=False)
    # From 2 channels to 1 by 3 x 3 x 3 and back by 1 x 1 x 1, 2 FLOPs per product, on 2 maps of 8 x 8 x 8.
    assert counts[1] - counts[0] == 2 * 2 * 8**3 * (27 * 2 + 2)
    compiled = torch.compile(net, backend='eager', fullgraph=True)
    with torch.no_grad():
        assert torch.equal(compiled(clips), net(clips))


class Frames(nn.Module):
    """A network of frames (B * T, 3, H, W)."""

    def __init__(self, num_segments=None):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 8, 3, padding=1), nn.Linear(8, 8)
        if num_segments is not None:
            self.num_segments = num_segments

    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)))


@pytest.mark.parametrize('kind', ['ConvAdapter', 'TemporalAdapter'])
def test_pooled_features_of_frames_are_no_map(kind):
    """They passed, and the first step ended in an error of conv3d."""
    with pytest.raises(InputError, match=f"'fc' yields 8 x 8, which is no map of a clip for {kind}; take MLPAdapter"):
        add_adapters(Frames(8), 'fc', dict(type=f'auxskd_mm.{kind}', reduction=2))


def test_the_frames_of_a_batch_are_whole_clips():
    net = Frames(8)
    add_adapters(net, 'conv', dict(type='auxskd_mm.TemporalAdapter', reduction=2), zero_init=False)
    frames = torch.randn(16, 3, 6, 6)
    with torch.no_grad():
        both = net(frames)
        assert torch.allclose(net(frames[:8]), both[:8], atol=1e-6)
        assert torch.allclose(net(frames[8:]), both[8:], atol=1e-6)
        with pytest.raises(InputError, match='a batch of 12 frames, which are no whole clips of 8; give the backbone'):
            net(frames[:12])
        net(frames)
        with pytest.raises(InputError, match='the frames per clip are unknown'):
            net(x=frames[:8])  # not two clips, as in the batch before


def test_a_second_kind_of_adapter_behind_frames_of_a_given_number():
    net = Frames()
    add_adapters(net, 'conv', dict(type='auxskd_mm.TemporalAdapter', reduction=2, num_frames=3))
    assert add_adapters(net, 'fc', dict(type='auxskd_mm.MLPAdapter', reduction=2)) == ['fc']
    with pytest.raises(InputError, match='a batch of 4 frames, which are no whole clips of 3'):
        net(torch.randn(4, 3, 6, 6))


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv3d(3, 4, 1)

    def forward(self, x):
        return self.conv(x), x


class Odd(nn.Module):
    def __init__(self):
        super().__init__()
        self.pair, self.unused, self.tokens = Pair(), nn.Conv3d(3, 4, 1), nn.Linear(4, 4)

    def forward(self, x):
        out = self.pair(x)[0]
        self.tokens(out.flatten(2).transpose(1, 2))
        return out


@pytest.mark.parametrize(
    ('patterns', 'kind', 'message'),
    [
        ('layer?', 'ConvAdapter', "pattern 'layer.' matches no module of Odd; it has pair, pair.conv, unused, tokens"),
        ('re:(', 'ConvAdapter', 'is not a regular expression'),
        ((), 'ConvAdapter', 'no patterns'),
        ('pair', 'ConvAdapter', r"'pair' \(Pair\) yields a tuple, expected one tensor"),
        ('unused', 'ConvAdapter', r"'unused' \(Conv3d\) does not run"),
        (
            'tokens',
            'ConvAdapter',
            "'tokens' yields 1 x [0-9]+ x 4, which is no map of a clip for ConvAdapter; take MLP",
        ),
        ('tokens', 'TemporalAdapter', 'no map of a clip for TemporalAdapter'),
    ],
)
def test_modules_that_cannot_be_followed(patterns, kind, message):
    net = Odd()
    with pytest.raises(InputError, match=message):
        add_adapters(net, patterns, dict(type=f'auxskd_mm.{kind}', reduction=2))
    assert not hasattr(net, 'adapters')


def test_other_refusals():
    net, _, _ = network('R2Plus1DVCOP')
    add_adapters(net, 'conv1')
    with pytest.raises(InputError, match='conv1 have adapters already'):
        add_adapters(net, 'conv?')
    with pytest.raises(InputError, match="channels=3, but 'conv2' yields 2"):
        add_adapters(net, 'conv2', dict(type='auxskd_mm.ConvAdapter', channels=3, reduction=1))
    with pytest.raises(InputError, match=r"type='MLP' is no adapter"):
        add_adapters(net, 'conv2', dict(type='auxskd_mm.MLP'))
    with pytest.raises(InputError, match=r"adapter='ConvAdapter': expected a config"):
        add_adapters(net, 'conv2', 'ConvAdapter')
    with pytest.raises(InputError, match=r"ConvAdapter behind 'conv2': .*'reductions'"):
        add_adapters(net, 'conv2', dict(type='auxskd_mm.ConvAdapter', reductions=2))
    with pytest.raises(InputError, match=r'takes no clip of the usual sizes'):
        add_adapters(Deaf(), 'conv')
    with pytest.raises(InputError, match=r'expected \(T, H, W\)'):
        add_adapters(net, 'conv2', clip=(8, 16))


class Deaf(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv3d(3, 4, 1)

    def forward(self, x):
        raise ValueError('never')


def test_patterns():
    net = nn.ModuleDict(dict(a=nn.Sequential(nn.ReLU(), nn.Sequential(nn.ReLU())), b=nn.ReLU()))
    assert match_names(net, ['*']) == ['a', 'b']
    assert match_names(net, ['a.*']) == ['a.0', 'a.1']
    assert match_names(net, ['a.**']) == ['a.0', 'a.1', 'a.1.0']
    assert match_names(net, ['**.0', 'b']) == ['a.0', 'a.1.0', 'b']
    assert match_names(net, ['re:a[.]1.*']) == ['a.1', 'a.1.0']
