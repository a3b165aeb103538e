"""Clip-by-clip BatchNorm compared with one backbone run per clip position."""

import copy

import pytest
import torch
from mmaction.structures import ActionDataSample
from torch import nn

from auxskd_mm.registry import MODELS


class Pair(nn.Module):
    """Yields what MViT does: a list of a map and None, in a tuple."""

    def __init__(self, width):
        super().__init__()
        self.body = nn.Sequential(nn.Conv3d(3, width, 3), nn.BatchNorm3d(width))

    def forward(self, x):
        return ([self.body(x), None],)


MODELS.register_module('Pair', force=True, module=Pair)
BACKBONES = dict(
    map=dict(type='auxskd_mm.R3DVCOP', base_channels=4, stage_blocks=(1, 1)),
    nested=dict(type='auxskd_mm.Pair', width=8),
)


class Doubling(nn.Module):
    """A neck with a loss of its own from the labels, as MMAction2's TPN."""

    def forward(self, x, data_samples=None):
        labels = torch.cat([sample.order_label for sample in data_samples or ()] or [torch.zeros(1)])
        return 2 * x, dict(loss_neck=labels.float().mean())


MODELS.register_module('Doubling', force=True, module=Doubling)


def build(backbone, kind='auxskd_mm.ClipwiseRecognizer3D'):
    torch.manual_seed(0)
    head = dict(type='auxskd_mm.ClipOrderHead', in_channels=8, hidden_channels=6, dropout=0.0)
    return MODELS.build(dict(type=kind, backbone=BACKBONES[backbone], cls_head=head)).train()


@pytest.mark.parametrize('backbone', BACKBONES)
def test_equals_separate_passes(backbone):
    model, reference = build(backbone), build(backbone).backbone
    whole = build(backbone, 'Recognizer3D')
    inputs = torch.randn(4, 3, 3, 4, 8, 8)
    parts = [reference(inputs[:, position]) for position in range(3)]
    parts = [part if backbone == 'map' else part[0][0] for part in parts]

    feats, aux = model.extract_feat(inputs, data_samples=None)
    if backbone == 'nested':
        assert feats[0][1] is None
        feats = feats[0][0]
    assert aux == dict(loss_aux={})
    for sample in range(4):
        for position in range(3):
            assert torch.equal(feats[3 * sample + position], parts[position][sample])
    for name, buffer in reference.named_buffers():
        assert torch.equal(model.backbone.get_buffer(name), buffer), name
    counts = [m.num_batches_tracked.item() for m in model.backbone.modules() if isinstance(m, nn.BatchNorm3d)]
    assert set(counts) == {3}
    # One pass over all clips normalises differently, and counts once.
    other = whole.extract_feat(inputs)[0]
    other = other if backbone == 'map' else other[0][0]
    assert not torch.allclose(other, feats, atol=1e-3)
    assert {m.num_batches_tracked.item() for m in whole.backbone.modules() if isinstance(m, nn.BatchNorm3d)} == {1}


def test_in_eval_mode_both_recognisers_agree():
    model, whole = build('map').eval(), build('map', 'Recognizer3D').eval()
    inputs = torch.randn(2, 3, 3, 4, 8, 8)
    with torch.no_grad():
        for kwargs in (dict(), dict(test_mode=True), dict(stage='backbone'), dict(stage='head')):
            assert torch.allclose(
                model.extract_feat(inputs, **kwargs)[0], whole.extract_feat(inputs, **kwargs)[0], atol=1e-6
            )


def test_losses_and_gradients_are_those_of_separate_passes():
    model = build('map')
    reference = copy.deepcopy(model)
    inputs, samples = torch.randn(2, 3, 3, 4, 8, 8), [ActionDataSample() for _ in range(2)]
    for label, sample in zip((1, 4), samples):
        sample.set_field(torch.tensor([label]), 'order_label')
    loss = model.loss(inputs, samples)['loss_order']
    loss.backward()
    feats = torch.stack([reference.backbone(inputs[:, position]) for position in range(3)], 1).flatten(0, 1)
    expected = nn.functional.cross_entropy(reference.cls_head(feats), torch.tensor([1, 4]))
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    for name, parameter in reference.named_parameters():
        assert torch.allclose(model.get_parameter(name).grad, parameter.grad, atol=1e-6), name
    assert tuple(model.extract_feat(inputs, stage='head')[0].shape) == (2, 6)
    assert tuple(model.extract_feat(inputs, stage='backbone')[0].shape[:2]) == (6, 8)


def test_a_neck_sees_all_clips_and_its_loss_is_passed_on():
    model = build('map')
    model.neck = Doubling()
    inputs, samples = torch.randn(2, 3, 3, 4, 8, 8), [ActionDataSample() for _ in range(2)]
    for label, sample in zip((1, 4), samples):
        sample.set_field(torch.tensor([label]), 'order_label')
    plain = copy.deepcopy(model).extract_feat(inputs, stage='backbone')[0]
    feats, given = copy.deepcopy(model).extract_feat(inputs, data_samples=samples)
    assert torch.equal(feats, 2 * plain)
    assert given['loss_aux']['loss_neck'].item() == 2.5
    scores, _ = copy.deepcopy(model).extract_feat(inputs, stage='head', data_samples=samples)
    assert torch.allclose(scores, model.cls_head(2 * plain))
    assert model.loss(inputs, samples)['loss_neck'].item() == 2.5
