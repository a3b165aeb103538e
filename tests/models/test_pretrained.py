"""`init_cfg=dict(type='Pretrained')` of MMAction2's backbones: it must not go on with random weights."""

import pytest
import torch
from mmengine.config import Config
from pytorchvideo.models.resnet import create_resnet
from torch import nn
from torchvision.models import resnet18

from auxskd_mm.compat import honour_init_cfg
from auxskd_mm.errors import InputError
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
    assert honour_init_cfg() is False
