"""timm's image networks on clips, against the same networks on single frames, and against slower ways to shift and inflate."""

import copy
import sys
import time

import huggingface_hub
import pytest
import timm
import torch
import torch.nn.functional as F
from huggingface_hub import constants
from mmaction.models.backbones.resnet_tsm import TemporalShift
from torch import nn

from auxskd_mm.errors import InputError
from auxskd_mm.models.backbones import TimmBackbone
from auxskd_mm.models.backbones import timm as timm_backbone
from auxskd_mm.models.backbones.image_networks import trunk
from auxskd_mm.models.backbones.image_networks.clip_length import ClipLength
from auxskd_mm.models.backbones.image_networks.inflate import InflatedConv2d
from auxskd_mm.models.backbones.image_networks.shift import shift_channels
from auxskd_mm.registry import MODELS

TINY = dict(model='mobilenetv3_small_050')
VIT = dict(model='vit_tiny_patch16_224', img_size=32, depth=2, embed_dim=24, num_heads=2)
FAMILIES = {  # arguments, and the width of the last map
    'mobilenet': (TINY, 288),
    'efficientnet': (dict(model='mnasnet_small'), 1280),
    'resnet': (dict(model='resnet10t', zero_init_last=False), 512),  # or its branches add zeros at the start
    'regnet': (dict(model='regnetx_002', zero_init_last=False), 368),
    'convnext': (dict(model='convnext_atto'), 320),
    'swin': (dict(model='swin_tiny_patch4_window7_224', img_size=32, depths=(1, 1, 1, 1), embed_dim=24), 192),
    'vit': (VIT, 24),
}

LATER = {  # the last two have channels last inside
    **FAMILIES,
    'swin': (dict(FAMILIES['swin'][0], img_size=64), 192),
    'mambaout': (dict(model='mambaout_femto', depths=(1, 1, 1, 1), dims=(8, 16, 24, 32)), 32),
}


def build(**kwargs):
    torch.manual_seed(0)
    return MODELS.build(dict(type='auxskd_mm.TimmBackbone', **kwargs)).eval()


def clips(frames=3, count=2, size=32):
    torch.manual_seed(1)
    return torch.randn(count, 3, frames, size, size)


@pytest.mark.parametrize('family', FAMILIES)
def test_a_clip_is_its_frames_in_a_row(family):
    kwargs, width = FAMILIES[family]
    backbone, x = build(**kwargs), clips()
    assert backbone.out_channels == width
    with torch.no_grad():
        maps = backbone(x)
        assert maps.shape[:3] == (2, width, 3)
        for clip, own in zip(x, maps):
            frames = backbone.trunk.forward_features(clip.transpose(0, 1))
            if family == 'swin':
                frames = frames.permute(0, 3, 1, 2)
            elif family == 'vit':  # tokens of the 2 x 2 patches, without the class token
                frames = frames[:, 1:].transpose(1, 2).unflatten(2, (2, 2))
            assert torch.allclose(own, frames.transpose(0, 1), atol=1e-5)


@pytest.mark.parametrize('family', FAMILIES)
def test_a_still_clip_gives_the_inflated_network_its_2d_output(family):
    kwargs, _ = FAMILIES[family]
    plain, x = build(**kwargs).double(), clips().double()
    inflated = build(**kwargs, temporal='inflate').double()
    inflated.load_trunk(plain.trunk.state_dict(), 'the 2-D network')
    still = x[:, :, :1].expand(-1, -1, 5, -1, -1)
    with torch.no_grad():
        expected = plain(still)
        largest = expected.abs().max()
        # At every frame, also at the ends of the clip.
        assert (inflated(still) - expected).abs().max() <= 1e-9 * largest
        assert (inflated.float()(still.float()) - expected).abs().max() <= 1e-5 * largest
        moving = inflated.double()(x)
        assert not torch.allclose(moving, plain(x), atol=1e-6)  # it sees motion


@pytest.mark.parametrize('kernel', [3, 5])
@pytest.mark.parametrize('groups', [1, 4])
def test_an_inflated_convolution_is_a_3d_convolution(kernel, groups):
    torch.manual_seed(0)
    length = ClipLength(frames=4)
    conv = InflatedConv2d(torch.nn.Conv2d(4, 8, 3, 2, 1, groups=groups), kernel, length)
    torch.nn.init.normal_(conv.weight)
    x = clips(4)[:, :1].expand(-1, 4, -1, -1, -1) + torch.randn(2, 4, 4, 32, 32)
    padded = F.pad(x, (0, 0, 0, 0, kernel // 2, kernel // 2), mode='replicate')
    expected = F.conv3d(padded, conv.weight, conv.bias, (1, 2, 2), (0, 1, 1), groups=groups)
    out = conv(x.transpose(1, 2).flatten(0, 1)).unflatten(0, (2, 4)).transpose(1, 2)
    assert torch.allclose(out, expected, atol=1e-4)


@pytest.mark.parametrize('trained', [True, False])
def test_an_inflated_kernel_is_trained_if_the_kernel_was(trained):
    """VGG has a spatial kernel behind its maps. Trained, it would have no gradient, for which DDP waits."""
    conv = torch.nn.Conv2d(4, 8, 3).requires_grad_(trained)
    inflated = InflatedConv2d(conv, 3, ClipLength(frames=4))
    assert [parameter.requires_grad for parameter in inflated.parameters()] == [trained, trained]


@pytest.mark.parametrize('width', [16, 20])
def test_shift_moves_what_tsm_moves(width):
    torch.manual_seed(0)
    x = torch.randn(10, width, 2, 2)
    assert torch.equal(shift_channels(x, 5, 2 / 8), TemporalShift.shift(x, 5, shift_div=8))
    tokens = x.flatten(2).transpose(1, 2)
    assert torch.equal(
        shift_channels(tokens, 5, 0.25, 2).transpose(1, 2).unflatten(2, (2, 2)), shift_channels(x, 5, 0.25)
    )


@pytest.mark.parametrize('family', FAMILIES)
def test_no_shift_is_no_change_and_a_shift_reaches_the_neighbours(family):
    kwargs, _ = FAMILIES[family]
    plain, x = build(**kwargs), clips(5, 1)
    unshifted, shifted = (build(**kwargs, temporal='shift', shift_fraction=f) for f in (0.0, 0.5))
    assert list(shifted.state_dict()) == list(plain.state_dict())
    other = x.clone()
    other[:, :, 4] = 0
    with torch.no_grad():
        assert torch.equal(unshifted(x), plain(x))
        changed = (shifted(x) != shifted(other)).flatten(3).any(-1).any(1)[0]
        assert changed[4]
        assert changed[3]
        assert not (plain(x) != plain(other))[:, :, :4].any()


def test_the_shift_is_in_the_residual_branch():
    backbone = build(model='resnet10t', temporal='shift')
    shifted = [name for name, module in backbone.trunk.named_modules() if module._forward_pre_hooks]
    assert shifted == [f'layer{i}.0.conv1' for i in (1, 2, 3, 4)]
    backbone = build(model='tf_efficientnet_lite0', temporal='shift')
    shifted = [name for name, module in backbone.trunk.named_modules() if module._forward_pre_hooks]
    skips = [
        name for name, module in backbone.trunk.named_modules() if getattr(module, 'has_skip', False)
    ]  # timm's own word for it
    assert shifted == [f'{name}.conv_pw' for name in skips]
    assert len(shifted) == 9


def test_maps_of_stages_and_layers_behind_them_are_gone():
    backbone = build(model='tf_efficientnet_lite0', out_indices=(3,))
    assert backbone.out_channels == 112
    assert backbone(clips(2, 1, 64)).shape == (1, 112, 2, 4, 4)
    assert not any('blocks.5' in name or 'conv_head' in name for name in backbone.state_dict())
    several = build(**TINY, out_indices=(1, -1))
    assert several.out_channels == (8, 288)
    assert [m.shape[1] for m in several(clips(2, 1))] == [8, 288]


def test_a_trunk_that_ends_early_takes_the_weights_of_the_whole_network():
    whole = timm.create_model('test_efficientnet', num_classes=5).state_dict()
    backbone = build(model='test_efficientnet', out_indices=(1,), temporal='inflate')
    own = backbone.trunk.state_dict()
    assert len(own) < len(whole) / 2
    count = sum('num_batches' not in key for key in own)
    said = backbone.load_trunk(whole, 'x.pth')
    assert said.startswith(f'{count} of {count} model tensors loaded from x.pth')
    for key, value in backbone.trunk.state_dict().items():
        assert torch.allclose(value.sum(2) if value.ndim == 5 else value, whole[key], atol=1e-6), key
    del whole[next(key for key in own if key.startswith('blocks.0.'))]
    with pytest.raises(
        InputError, match=rf'x\.pth: only {count - 1} of {count} model tensors fit \(missing blocks\.0'
    ) as error:
        backbone.load_trunk(whole, 'x.pth')
    assert 'convert_auxskd' not in str(error.value)


@pytest.mark.parametrize('temporal', ['none', 'shift', 'inflate', dict(type='auxskd_mm.TemporalConvs', channels=8)])
@pytest.mark.parametrize('family', ['resnet', 'vit', 'convnext'])
def test_recomputed_stages_give_the_same_gradients_and_statistics(family, temporal):
    one = build(**FAMILIES[family][0], temporal=temporal, frozen_stages=1).train()
    other = build(**FAMILIES[family][0], temporal=temporal, frozen_stages=1, with_cp=True).train()
    other.load_state_dict(one.state_dict())
    other = copy.deepcopy(other)
    for backbone in (one, other):
        out = backbone(clips(3))
        with torch.no_grad():
            backbone.eval()(clips(2, 1))  # another length, before the recomputation
        backbone.train()
        out.square().mean().backward()
    for (name, mine), theirs in zip(one.named_parameters(), other.parameters()):
        assert (mine.grad is None) == (theirs.grad is None), name
        assert mine.grad is None or torch.allclose(mine.grad, theirs.grad, atol=1e-6), name
    assert all(torch.equal(value, other.state_dict()[key]) for key, value in one.state_dict().items())


def test_frozen_stages_and_statistics():
    backbone = build(model='resnet10t', frozen_stages=2).train()
    frozen = {name for name, p in backbone.trunk.named_parameters() if not p.requires_grad}
    assert frozen == {
        n for n, _ in backbone.trunk.named_parameters() if n.startswith(('conv1', 'bn1', 'layer1', 'layer2'))
    }
    assert not backbone.trunk.layer2[0].bn1.training
    assert backbone.trunk.layer3[0].bn1.training
    backbone = build(**VIT, frozen_stages=0).train()
    assert not backbone.trunk.pos_embed.requires_grad
    assert backbone.trunk.blocks[0].norm1.weight.requires_grad
    for frozen, drops in ((-1, True), (0, False), (1, False)):
        backbone = build(**VIT, frozen_stages=frozen, pos_drop_rate=0.5, proj_drop_rate=0.1).train()
        assert backbone.trunk.pos_drop.training is drops, 'what is frozen gives the same for the same frame'
        assert backbone.trunk.blocks[1].attn.proj_drop.training
    backbone = build(
        model='resnet10t', frozen_stages='all', temporal=dict(type='auxskd_mm.TemporalConvs', channels=8)
    ).train()
    assert {n.split('.')[0] for n, p in backbone.named_parameters() if p.requires_grad} == {'temporal'}
    assert not any(m.training for m in backbone.trunk.modules())
    assert backbone.temporal.training
    backbone = build(model='resnet10t', norm_eval=True).train()
    assert not backbone.trunk.layer3[0].bn1.training
    assert all(p.requires_grad for p in backbone.parameters())


class Gate(nn.Module):
    """A temporal module of one's own, with options that AdaptedBackbone has, too."""

    def __init__(self, in_channels, adapters, backbone):
        super().__init__()
        self.in_channels = self.out_channels = in_channels


def test_a_temporal_module_of_ones_own_has_its_options():
    backbone = build(model='resnet10t', temporal=dict(type=Gate, adapters=4, backbone='none'))
    assert backbone.temporal.in_channels == backbone.trunk.num_features


def test_a_network_is_looked_at_once_and_each_with_other_arguments(monkeypatch):
    def frozen(network):
        return [name for name, parameter in network.named_parameters() if not parameter.requires_grad]

    looked = []
    real = timm_backbone.facts_of_maps
    monkeypatch.setattr(timm_backbone, 'facts_of_maps', lambda *given: looked.append(given) or real(*given))
    monkeypatch.setattr(trunk, '_FACTS', {})
    first, again = build(**TINY), build(**TINY)
    assert len(looked) == 1
    assert frozen(again) == frozen(first) == ['trunk.conv_head.weight', 'trunk.conv_head.bias']
    assert again.out_channels == first.out_channels == 288
    assert build(**TINY, out_indices=(1, 2)).out_channels == (8, 16)
    assert build(**VIT).out_channels == 24
    assert build(**{**VIT, 'embed_dim': 12}).out_channels == 12
    assert build(**{**VIT, 'img_size': 48}).out_channels == 24
    assert len(looked) == 5


@pytest.mark.parametrize('family', FAMILIES)
def test_every_trainable_parameter_gets_a_gradient(family):
    backbone = build(**FAMILIES[family][0]).train()
    backbone(clips(2, 4)).square().sum().backward()
    assert [n for n, p in backbone.named_parameters() if p.requires_grad and p.grad is None] == []


def test_mmengine_does_not_initialise_the_trunk_again():
    backbone = build(model='resnet10t')
    before = copy.deepcopy(backbone.state_dict())
    model = MODELS.build(
        dict(
            type='Recognizer3D',
            backbone=dict(type='auxskd_mm.TimmBackbone', model='resnet10t'),
            cls_head=dict(type='auxskd_mm.VSPPHead', in_channels=512),
        )
    )
    model.backbone.load_state_dict(before)
    model.init_weights()
    assert all(torch.equal(value, before[key]) for key, value in model.backbone.state_dict().items())


class Answers:
    """Stands for the session of Hugging Face's client."""

    def __init__(self, error=None):
        self.error, self.calls = error, 0

    def head(self, address, timeout):
        self.calls += 1
        if self.error is not None:
            raise self.error


def test_pretrained_weights_are_fetched_by_init_weights(monkeypatch):
    torch.manual_seed(3)
    session = Answers()
    monkeypatch.setattr(huggingface_hub, 'get_session', lambda: session)
    donor, create = timm.create_model('resnet10t', num_classes=0), timm.create_model

    def offline(name, pretrained=False, **kwargs):
        if pretrained:
            raise OSError('no route to host\nand more')
        return create(name, **kwargs)

    monkeypatch.setattr(timm, 'create_model', offline)
    backbone = build(model='resnet10t', pretrained=True, temporal='inflate')
    with pytest.raises(InputError, match=r"pretrained=True: the weights of 'resnet10t' .*no route to host\)"):
        backbone.init_weights()
    monkeypatch.setattr(timm, 'create_model', lambda name, pretrained=False, **kwargs: donor)
    backbone.init_weights()
    assert torch.equal(backbone.trunk.conv1[0].weight[:, :, 1], donor.conv1[0].weight / 3)
    assert session.calls == 2


def test_without_a_network_one_request_is_the_end(monkeypatch, tmp_path):
    """Hugging Face's client would try for 45 s, and for 25 s for the config of a network."""
    session = Answers(OSError('no route to host'))
    monkeypatch.setattr(huggingface_hub, 'get_session', lambda: session)
    monkeypatch.setattr(constants, 'HF_HUB_CACHE', str(tmp_path))
    online = constants.HF_HUB_OFFLINE
    start = time.monotonic()
    with pytest.raises(InputError, match=r"the weights of 'resnet10t' cannot be had \(no route to host\); without a"):
        build(model='resnet10t', pretrained=True).init_weights()
    for name in ('hf_hub:timm/xyz', 'hf-hub:timm/xyz'):
        with pytest.raises(
            InputError, match=rf"model='{name}': its config cannot be had \(no route to host\)"
        ) as error:
            build(model=name)
        assert '\n' not in str(error.value)
    assert session.calls == 3
    with pytest.raises(InputError, match="model='local-dir:nowhere': timm refuses"):
        build(model='local-dir:nowhere')
    assert session.calls == 3  # a folder needs no host
    assert time.monotonic() - start < 20
    assert constants.HF_HUB_OFFLINE is online


@pytest.mark.parametrize(
    ('kwargs', 'says'),
    [
        (dict(model='resnet17'), r"model='resnet17': no network of timm .*did you mean 'resnet1"),
        (dict(model='resnet10t', depth=3), r"timm refuses its arguments \(.*'depth'"),
        (dict(model='resnet10t', num_classes=3), r'num_classes: TimmBackbone sets this'),
        (dict(model='resnet10t', temporal='lstm'), "temporal='lstm': expected 'none', 'shift', 'inflate'"),
        (
            dict(model='resnet10t', temporal=dict(type='auxskd_mm.AdaptedBackbone', adapters=dict(patterns='blocks'))),
            'temporal.backbone=None: auxskd_mm.AdaptedBackbone needs the config',
        ),
        (dict(model='resnet10t', temporal='inflate', temporal_kernel=2), 'temporal_kernel=2: expected an odd number'),
        (dict(model='resnet10t', temporal='shift', shift_fraction=1.5), 'shift_fraction=1.5: expected a share'),
        (dict(model='vgg11', temporal='shift'), 'no residual blocks of VGG'),
        (dict(model='nf_regnet_b0', temporal='inflate'), 'stem.conv is a ScaledStdConv2d'),
        (dict(model='resnet10t', out_indices=(9,)), r"out_indices=\(9,\): 'resnet10t' has maps 0 to 4"),
        (dict(model='levit_128s', img_size=97), r"model='levit_128s': gives no maps of a frame of \(97, 97\) \("),
        (dict(model='crossvit_9_240'), r"model='crossvit_9_240': gives no maps of a frame of .*it yields list"),
        (dict(model='hiera_tiny_224'), r"model='hiera_tiny_224': gives no maps of a frame of"),
        (dict(model='resnet10t', frozen_stages=9), r'frozen_stages=9: expected -1 \(none\) to 4'),
        (dict(model='resnet10t', frozen_stages='most'), "frozen_stages='most': expected a number or 'all'"),
        (dict(model='resnet10t', out_indices='a'), "out_indices='a': expected the numbers of maps"),
        (dict(model='resnet10t', out_indices=[2.0]), r'out_indices=\[2.0\]: expected the numbers of maps'),
        (dict(model='resnet10t', in_index='a'), "in_index='a': expected the number of a map"),
        (
            dict(model='resnet10t', temporal='inflate', temporal_kernel='a'),
            "temporal_kernel='a': expected an odd number",
        ),
        (dict(model='resnet10t', temporal='shift', shift_fraction='a'), "shift_fraction='a': expected a share"),
        (dict(model='resnet10t', grid=3), r'grid=3: expected \(rows, columns\)'),
        (dict(model='resnet10t', grid=(2,)), r'grid=\(2,\): expected \(rows, columns\)'),
        (dict(model='poolformer_s12', temporal='shift'), 'no residual blocks of MetaFormer'),
        (
            dict(model='resnet10t', temporal=dict(type='auxskd_mm.TemporalConvs', in_channels=3)),
            'temporal.in_channels=3: the trunk yields 512 channels',
        ),
        (
            dict(model='resnet10t', out_indices=(1, 2), temporal=dict(type='auxskd_mm.TemporalConvs')),
            r'takes one map, and out_indices=\(1, 2\) gives 2',
        ),
    ],
)
def test_bad_settings_are_one_line(kwargs, says):
    with pytest.raises(InputError, match=says) as error:
        build(**kwargs)
    assert '\n' not in str(error.value)


def test_clips_of_another_size_or_form():
    with pytest.raises(
        InputError, match=r'img_size=\(32, 32\): the clips have 48 x 48 pixels; set img_size=\(48, 48\)'
    ):
        build(**VIT)(clips(2, 1, 48))
    levit = build(model='levit_128s', img_size=64)  # its biases of attention fit one size
    with torch.no_grad():
        assert levit(clips(2, 1, 64)).shape == (1, 384, 2, 1, 1)
    with pytest.raises(InputError, match=r'img_size=\(64, 64\): the clips have 48 x 48'):
        levit(clips(2, 1, 48))
    with pytest.raises(InputError, match=r'frames of \(224, 224\), and fails on clips of 30 x 30 pixels .*; resize'):
        build(model='tresnet_m')(clips(2, 1, 30))
    with pytest.raises(InputError, match=r'in_chans=3: the clips have 1 channels; set in_chans=1'):
        build(**TINY)(clips()[:, :1])
    assert build(**TINY, in_chans=1)(clips()[:, :1]).shape[:3] == (2, 288, 3)
    with pytest.raises(InputError, match=r'takes clips \(B, C, T, H, W\), got \(2, 3, 8, 8\)'):
        build(**TINY)(torch.rand(2, 3, 8, 8))


def test_without_timm_a_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, 'timm', None)
    with pytest.raises(InputError, match=r"TimmBackbone needs timm .*pip install 'auxskd_mm\[timm\]'"):
        TimmBackbone()


# -- later layers on stored maps ------------------------------------------------------------------------------------------


@pytest.mark.parametrize('family', ['mobilenet', 'efficientnet', 'resnet', 'regnet', 'convnext', 'swin', 'mambaout'])
@pytest.mark.parametrize('index', [1, 2])
def test_later_layers_on_a_map_give_what_the_whole_network_gives(family, index):
    kwargs, width = LATER[family]
    whole, first, later = build(**kwargs), build(**kwargs, out_indices=index), build(**kwargs, in_index=index)
    later.load_trunk(whole.trunk.state_dict(), 'the whole')
    first.load_trunk(whole.trunk.state_dict(), 'the whole')
    assert set(later.trunk.state_dict()) < set(whole.trunk.state_dict())
    assert later.out_channels == width
    x = clips(size=64)
    with torch.no_grad():
        maps = first(x)
        assert maps.shape[1] == later.trunk.frame_channels
        assert torch.allclose(later(maps), whole(x), atol=1e-5)
        assert later(maps.half()).dtype == torch.float32  # as a store holds them


def test_later_layers_are_a_module_on_top_of_the_first():
    top = dict(type='auxskd_mm.TimmBackbone', **TINY, in_index=2, temporal='shift')
    backbone = build(**TINY, out_indices=2, frozen_stages='all', temporal=top).train()
    backbone(clips(size=64)).sum().backward()
    trained = {name.split('.')[0] for name, value in backbone.named_parameters() if value.grad is not None}
    assert trained == {'temporal'}
    with pytest.raises(
        InputError, match="in_channels=16: the map of in_index=1 of 'mobilenetv3_small_050' has 8 channels"
    ):
        build(**TINY, out_indices=2, temporal=dict(top, in_index=1))


def test_later_layers_that_need_more_than_the_map_are_refused():
    with pytest.raises(
        InputError, match="in_index=0: the later layers of 'vit_tiny_patch16_224' need more than this one"
    ):
        build(**VIT, in_index=0)
    with pytest.raises(InputError, match="in_index=9: 'mobilenetv3_small_050' has maps 0 to 4"):
        build(**TINY, in_index=9)


@pytest.mark.parametrize(
    ('kwargs', 'says'),
    [
        (dict(in_index=2, out_indices=(1,)), r'out_indices=\(1,\): with in_index=2, expected maps behind it .* 3 to 4'),
        (dict(in_index=2, out_indices=(2,)), r'out_indices=\(2,\): with in_index=2, expected maps behind it .* 3 to 4'),
        (dict(in_index=-3, out_indices=(4, -4)), r'out_indices=\(4, -4\): with in_index=-3, expected maps behind it'),
        (dict(in_index=4), "in_index=4: 'resnet10t' has no layers behind map 4, its last; take an earlier one"),
        (dict(in_index=-1), "in_index=-1: 'resnet10t' has no layers behind map 4, its last"),
        (dict(in_index=-1, out_indices=(4,)), "in_index=-1: 'resnet10t' has no layers behind map 4, its last"),
    ],
)
def test_maps_that_do_not_lie_behind_the_stored_one(kwargs, says):
    with pytest.raises(InputError, match=rf'^model\.backbone\.{says}') as error:
        build(model='resnet10t', **kwargs)
    assert '\n' not in str(error.value)


def test_layers_behind_the_last_map_and_signs_of_indices():
    kwargs, width = FAMILIES['efficientnet']  # it has a convolution behind its last map
    assert build(**kwargs, in_index=-1).out_channels == width
    with pytest.raises(InputError, match=r'out_indices=\(4,\): no map lies behind in_index=-1, the last of'):
        build(**kwargs, in_index=-1, out_indices=(4,))
    assert build(model='resnet10t', in_index=-3, out_indices=-1).out_channels == 512


def test_a_network_without_timms_groups_has_a_stage_per_numbered_child():
    """timm names no groups of MetaFormer's layers: its stem, its four stages, and what follows them."""
    backbone = build(model='poolformer_s12', frozen_stages=1)
    frozen = {name.split('.')[1] + name.split('.')[2] for name, p in backbone.named_parameters() if not p.requires_grad}
    assert {'stages0'} < frozen
    assert 'stages1' not in frozen
    with torch.no_grad():
        assert backbone.eval()(clips(2, 1, 64)).shape == (1, 512, 2, 2, 2)
