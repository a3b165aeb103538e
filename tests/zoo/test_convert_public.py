"""A public file for a config: what is written loads whole and computes the same."""

import pytest
import torch
from mmengine.config import Config
from torch import nn
from torchvision.models import resnet18

from auxskd_mm.errors import InputError
from auxskd_mm.registry import MODELS
from auxskd_mm.zoo.convert_public import convert_public

MODEL = dict(
    type='Recognizer2D',
    backbone=dict(type='ResNet', depth=18, pretrained=None, norm_eval=False),
    cls_head=dict(type='TSNHead', num_classes=2, in_channels=512),
)


def test_the_file_fills_the_backbone_of_the_config(tmp_path):
    theirs = resnet18().eval()
    torch.save(theirs.state_dict(), tmp_path / 'theirs.pth')
    said = convert_public(tmp_path / 'theirs.pth', tmp_path / 'ours.pth', Config(dict(model=MODEL)))
    assert 'backbone tensors loaded from' in said
    state = torch.load(tmp_path / 'ours.pth', weights_only=True)['state_dict']
    model = MODELS.build(MODEL)
    missing = model.load_state_dict(state, strict=False).missing_keys
    assert all(key.startswith('cls_head.') or 'data_preprocessor' in key for key in missing)
    model.backbone.eval()
    theirs.fc = nn.Identity()
    frames = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(model.backbone(frames).mean((2, 3)), theirs(frames), rtol=1e-5, atol=1e-5)


def test_nothing_is_written_for_another_backbone(tmp_path):
    torch.save({'stem.0.weight': torch.ones(1), 'layer1.0.conv1.0.weight': torch.ones(1)}, tmp_path / 'r3d.pth')
    with pytest.raises(InputError, match="the file holds torchvision's R3D or MC3"):
        convert_public(tmp_path / 'r3d.pth', tmp_path / 'ours.pth', Config(dict(model=MODEL)))
    with pytest.raises(InputError, match='no model with a backbone'):
        convert_public(tmp_path / 'r3d.pth', tmp_path / 'ours.pth', Config({}))
    assert not (tmp_path / 'ours.pth').exists()


def test_a_cut_network_gets_its_layers_of_the_whole_one_s_file(tmp_path):
    timm = pytest.importorskip('timm')
    backbone = dict(type='auxskd_mm.TimmBackbone', model='resnet18', out_indices=1)
    config = Config(dict(model=dict(type='Recognizer2D', backbone=backbone)))
    for name in ('resnet18', 'resnet34'):
        torch.save(timm.create_model(name).state_dict(), tmp_path / f'{name}.pth')
    convert_public(tmp_path / 'resnet18.pth', tmp_path / 'ours.pth', config)
    state = torch.load(tmp_path / 'ours.pth', weights_only=True)['state_dict']
    assert {key.split('.')[2] for key in state} == {'conv1', 'bn1', 'layer1'}
    with pytest.raises(InputError, match='is of a deeper network'):
        convert_public(tmp_path / 'resnet34.pth', tmp_path / 'other.pth', config)
    assert not (tmp_path / 'other.pth').exists()
