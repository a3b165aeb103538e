"""Weights that MMAction2's backbones name by `init_cfg` or `pretrained`: they must not go on with random ones."""

import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from pytorchvideo.models.resnet import create_resnet
from torch import nn
from torchvision.models import resnet18

from auxskd_mm.errors import InputError
from auxskd_mm.models.pretrained import check_stock_backbones
from auxskd_mm.registry import MODELS

RESNET = dict(type='mmaction.ResNet', depth=18, pretrained=None, norm_eval=False)


def saved(content, tmp_path, name='x.pth'):
    torch.save(content, tmp_path / name)
    return str(tmp_path / name)


@torch.no_grad()
def shaken(network):
    for value in network.state_dict().values():
        if value.is_floating_point():
            value += torch.rand_like(value) * 0.2
    network.eval()
    return network


def build(config, **init):
    network = MODELS.build(Config(dict(net=dict(config, init_cfg=dict(type='Pretrained', **init)))).net)
    network.init_weights()
    network.eval()
    return network


def test_a_zoo_file_of_a_recogniser_fills_a_backbone(tmp_path):
    """Recognizer2D's file: ``backbone.`` and ``cls_head.``"""
    theirs = shaken(MODELS.build(RESNET))
    state = {f'backbone.{key}': value for key, value in theirs.state_dict().items()}
    path = saved(dict(meta={}, state_dict={**state, 'cls_head.fc_cls.weight': torch.ones(3, 512)}), tmp_path)
    frames = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(build(RESNET, checkpoint=path)(frames), theirs(frames))


def test_a_plain_resnet_computes_the_same_in_mmaction2(tmp_path):
    theirs = shaken(resnet18())
    ours = build(RESNET, checkpoint=saved(theirs.state_dict(), tmp_path))
    theirs.fc = nn.Identity()
    frames = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(ours(frames).mean((2, 3)), theirs(frames), rtol=1e-5, atol=1e-5)


def test_pytorchvideo_s_file_fills_the_wrapper(tmp_path):
    size = dict(stem_dim_out=4, head_pool_kernel_size=(8, 1, 1))
    theirs = shaken(create_resnet(**size))
    path = saved(dict(model_state=theirs.state_dict()), tmp_path)
    ours = build(dict(type='auxskd_mm.PyTorchVideoBackbone', model='create_resnet', **size), checkpoint=path)
    clips = torch.rand(1, 3, 8, 32, 32)
    with torch.no_grad():
        assert torch.equal(theirs.blocks[-1](ours(clips)), theirs(clips))


@pytest.mark.parametrize('depth', [34, 50])
def test_another_depth_stops_before_training(depth, tmp_path):
    path = saved(MODELS.build(dict(RESNET, depth=depth)).state_dict(), tmp_path)
    with pytest.raises(
        InputError, match=r'x\.pth: (only \d+ of \d+ model tensors fit|is of a deeper network)'
    ) as error:
        build(RESNET, checkpoint=path)
    assert '\n' not in str(error.value)


def test_a_whole_model_needs_its_backbone_only(tmp_path):
    theirs = shaken(MODELS.build(RESNET))
    path = saved({f'backbone.{key}': value for key, value in theirs.state_dict().items()}, tmp_path)
    head = dict(type='TSNHead', num_classes=2, in_channels=512)
    model = MODELS.build(dict(type='Recognizer2D', backbone=RESNET, cls_head=head))
    model.init_cfg = dict(type='Pretrained', checkpoint=path)
    model.init_weights()
    assert torch.equal(model.backbone.conv1.conv.weight, theirs.conv1.conv.weight)


def test_backbones_of_mmaction2_are_wrapped_once():
    assert check_stock_backbones() is False


SLOW_ONLY = dict(type='mmaction.ResNet3dSlowOnly', depth=18, base_channels=8, norm_eval=False)
STRICT = dict(SLOW_ONLY, pretrained2d=False)
TSM = dict(type='mmaction.ResNetTSM', depth=18, norm_eval=False)


@pytest.mark.parametrize('config', [STRICT, dict(type='mmaction.X3D', gamma_w=0.25, gamma_b=1, gamma_d=0.5)])
def test_pretrained_fills_the_network(config, tmp_path):
    theirs = shaken(MODELS.build(config))
    path = saved(dict(state_dict=theirs.state_dict()), tmp_path)
    ours = MODELS.build(dict(config, pretrained=path))
    for _ in range(2):
        ours.init_weights()
        assert all(torch.equal(value, theirs.state_dict()[key]) for key, value in ours.state_dict().items())


def test_an_image_network_fills_an_inflated_one_but_for_what_it_lacks(tmp_path):
    path = saved(shaken(resnet18()).state_dict(), tmp_path)
    extra = dict(non_local=((0, 0), (1, 0), (0, 0), (0, 0)), non_local_cfg=dict(sub_sample=True))
    network = MODELS.build(dict(SLOW_ONLY, base_channels=64, in_channels=3, pretrained=path, **extra))
    own = {key: value.clone() for key, value in network.named_parameters() if 'non_local' in key}
    network.init_weights()
    assert own
    assert all(torch.equal(value, own[key]) for key, value in network.named_parameters() if key in own)
    assert torch.equal(network.layer1[0].conv1.conv.weight[:, :, 0], torch.load(path)['layer1.0.conv1.weight'])


@pytest.mark.parametrize(
    ('config', 'content'),
    [
        (STRICT, lambda: MODELS.build(dict(STRICT, depth=34, base_channels=4)).state_dict()),  # other shapes
        (STRICT, lambda: {f'student.{k}': v for k, v in MODELS.build(STRICT).state_dict().items()}),  # other names
        (STRICT, lambda: {k: v for k, v in MODELS.build(STRICT).state_dict().items() if 'layer4' not in k}),
        (dict(SLOW_ONLY, base_channels=64), lambda: {f'net.{k}': v for k, v in resnet18().state_dict().items()}),
        (dict(SLOW_ONLY, base_channels=32), lambda: resnet18().state_dict()),  # inflated, other widths
        (dict(type='mmaction.ResNet', depth=18), lambda: {'fc.weight': torch.ones(2, 2)}),
        (TSM, lambda: {f'net.{k}': v for k, v in resnet18().state_dict().items()}),
    ],
)
def test_pretrained_that_does_not_fit_is_one_line(config, content, tmp_path):
    path = saved(content(), tmp_path)
    with pytest.raises(InputError, match=rf'{config["type"].split(".")[1]}\.pretrained=.*x\.pth: ') as error:
        MODELS.build(dict(config, pretrained=path)).init_weights()
    assert '\n' not in str(error.value)


def test_squeeze_and_excitation_has_no_place_in_a_resnet(tmp_path):
    timm = pytest.importorskip('timm')
    path = saved(timm.create_model('seresnet18').state_dict(), tmp_path)
    with pytest.raises(
        InputError, match=r'x\.pth: has layer1\.0\.se\.fc1\.weight, and layer1\.0 of the model'
    ) as error:
        build(RESNET, checkpoint=path)
    assert '\n' not in str(error.value)


def test_a_kernel_of_zeros_by_pretrained_stops(tmp_path):
    state = MODELS.build(STRICT).state_dict()
    state['layer2.0.conv1.conv.weight'].zero_()
    network = MODELS.build(dict(STRICT, pretrained=saved(dict(state_dict=state), tmp_path)))
    with pytest.raises(InputError, match=r'x\.pth: layer2\.0\.conv1\.conv\.weight is all zeros') as error:
        network.init_weights()
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('kind', ['ResNetTSM', 'ResNetTIN', 'MobileNetV2TSM', 'SwinTransformer3D', 'UniFormerV2'])
@pytest.mark.parametrize('given', [{}, dict(pretrained=None)])
def test_without_a_file_there_is_nothing_to_inflate(kind, given):
    small = dict(
        ResNetTSM=dict(depth=18),
        ResNetTIN=dict(depth=50),
        MobileNetV2TSM=dict(widen_factor=0.5),
        SwinTransformer3D=dict(
            arch=dict(embed_dims=12, depths=[1, 1, 1, 1], num_heads=[1, 1, 1, 1]), window_size=(2, 2, 2)
        ),
        UniFormerV2=dict(width=16, layers=1, heads=1, n_layers=1, n_dim=16, n_head=1, return_list=[0]),
    )[kind]
    network = MODELS.build(dict(type=f'mmaction.{kind}', **small, **given))
    flags = {flag: getattr(network, flag, None) for flag in ('pretrained2d', 'clip_pretrained')}
    network.init_weights()
    assert flags == {flag: getattr(network, flag, None) for flag in flags}
    assert all(parameter.isfinite().all() for parameter in network.parameters())


def test_init_cfg_fills_a_network_whose_config_asks_to_inflate(tmp_path):
    arch = dict(embed_dims=12, depths=[1, 1, 1, 1], num_heads=[1, 1, 1, 1])
    config = dict(type='mmaction.SwinTransformer3D', arch=arch, window_size=(2, 2, 2))
    theirs = shaken(MODELS.build(config))
    ours = build(config, checkpoint=saved(theirs.state_dict(), tmp_path))
    assert all(torch.equal(value, theirs.state_dict()[key]) for key, value in ours.state_dict().items())


PAGE = Path(__file__).parents[2] / 'docs' / 'public_weights.md'
DOCUMENTED = [
    text
    for line in PAGE.read_text(encoding='utf-8').partition('## Which files')[2].splitlines()
    if line.startswith('|')
    for text in re.findall(r'`(dict\(type=.*?\))`', line)
]


def test_the_page_has_backbones():
    assert len(DOCUMENTED) >= 10


@pytest.mark.parametrize('text', DOCUMENTED)
def test_each_documented_backbone_starts(text):
    config = eval(text)
    if config['type'].endswith('TimmBackbone'):
        pytest.importorskip('timm')
    network = MODELS.build(config)
    network.init_weights()
    assert all(parameter.isfinite().all() for parameter in network.parameters())
