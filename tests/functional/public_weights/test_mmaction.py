"""Checkpoints of MMAction2's own zoo: a recogniser's file fills our models, and they compute what it computes."""

import copy

import pytest
import torch
from small_models import MMACTION

from auxskd_mm.functional.transfer import load_checked
from auxskd_mm.models.backbones.frames import build_backbone
from auxskd_mm.registry import MODELS

BACKBONE = dict(
    type='ResNet3d',
    depth=18,
    pretrained=None,
    base_channels=4,
    conv1_kernel=(3, 7, 7),
    conv1_stride_t=1,
    pool1_stride_t=1,
    inflate=(1, 1, 1, 1),
    norm_eval=False,
)
HEAD = dict(type='I3DHead', num_classes=400, in_channels=32)


@pytest.fixture
def theirs():
    """A recogniser as the zoo publishes it, with statistics of its own."""
    torch.manual_seed(0)
    model = MODELS.build(dict(type='Recognizer3D', backbone=BACKBONE, cls_head=HEAD))
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm3d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return model.eval()


@pytest.fixture
def path(theirs, tmp_path):
    path = tmp_path / 'i3d_r18_kinetics400-0a1b2c3d.pth'
    torch.save(dict(meta=dict(epoch=100), state_dict=theirs.state_dict()), path)
    return path


def features(backbone):
    clips = torch.randn(2, 3, 4, 32, 32, generator=torch.Generator().manual_seed(1))
    backbone.eval()  # MMAction2's returns nothing
    with torch.no_grad():
        return backbone(clips)


def test_a_pretext_model_takes_the_backbone(theirs, path):
    head = dict(type='auxskd_mm.VSPPHead', in_channels=32)
    model = MODELS.build(dict(type='Recognizer3D', backbone=BACKBONE, cls_head=head))
    before = copy.deepcopy(model.cls_head.state_dict())
    message = load_checked(model, torch.load(path, weights_only=True), ('backbone.',), path.name)
    total = sum('num_batches_tracked' not in key for key in theirs.backbone.state_dict())
    assert f'{total} of {total} backbone tensors loaded from {path.name}' in message
    assert torch.equal(features(model.backbone), features(theirs.backbone))
    assert all(torch.equal(value, before[key]) for key, value in model.cls_head.state_dict().items())


def test_init_cfg_fills_a_bare_and_an_adapted_backbone(theirs, path):
    config = dict(BACKBONE, init_cfg=dict(type='Pretrained', checkpoint=str(path)))
    adapters = dict(patterns='layer?.*', type='auxskd_mm.ConvAdapter')
    for settings in (config, dict(type='auxskd_mm.AdaptedBackbone', backbone=config, adapters=adapters)):
        backbone = MODELS.build(settings)
        backbone.init_weights()
        assert torch.equal(features(backbone), features(theirs.backbone))


def test_a_model_with_the_same_head_takes_the_whole(theirs, path):
    model = MODELS.build(dict(type='auxskd_mm.ClipwiseRecognizer3D', backbone=BACKBONE, cls_head=HEAD))
    load_checked(model, torch.load(path, weights_only=True), ('',), path.name)
    assert all(torch.equal(value, theirs.state_dict()[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize('name', [name for name in MMACTION if name not in ('C3D', 'TimeSformer', 'X3D', 'TANet')])
def test_no_backbone_ignores_init_cfg(name, tmp_path):
    """Four cannot: C3D, TimeSformer and X3D take no init_cfg, and TANet takes a file of the ResNet inside it."""
    config = MMACTION[name][0]
    torch.manual_seed(0)
    theirs = build_backbone(dict(config))
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.normal_()
    torch.save(theirs.state_dict(), tmp_path / 'x.pth')
    ours = build_backbone(dict(config, init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'x.pth'))))
    ours.init_weights()
    assert all(torch.equal(value, ours.state_dict()[key]) for key, value in theirs.state_dict().items())
