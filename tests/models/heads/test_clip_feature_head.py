"""Features reach the sample of their own clip, through a stock recogniser."""

import pytest
import torch
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample

from auxskd_mm.errors import InputError
from auxskd_mm.models.heads import ClipFeatureHead


def test_each_sample_gets_its_own_clips():
    maps = torch.arange(6.0).view(6, 1, 1, 1, 1).expand(6, 3, 2, 4, 4)
    samples = ClipFeatureHead('vcop').predict(maps, [ActionDataSample() for _ in range(3)])
    assert [sample.feature[:, 0].tolist() for sample in samples] == [[0, 1], [2, 3], [4, 5]]
    assert samples[0].feature.shape == (2, 3 * 2 * 2 * 2)
    assert samples[0].feature_pooling == 'vcop'


def test_in_a_stock_recogniser():
    backbone = dict(
        type='ResNet3d', depth=18, pretrained=None, base_channels=4, conv1_kernel=(3, 7, 7), stage_blocks=(1,) * 4
    )
    model = MODELS.build(
        dict(type='Recognizer3D', backbone=backbone, cls_head=dict(type='auxskd_mm.ClipFeatureHead'))
    ).eval()
    clips = torch.randn(2, 3, 3, 4, 32, 32)
    with torch.no_grad():
        samples = model(clips, [ActionDataSample(), ActionDataSample()], mode='predict')
        expected = model.backbone(clips.flatten(0, 1)).mean((2, 3, 4))
    torch.testing.assert_close(torch.cat([sample.feature for sample in samples]), expected)
    with pytest.raises(InputError, match=r'tools/test\.py'):
        model(clips, [ActionDataSample(), ActionDataSample()], mode='loss')


def test_unknown_pooling():
    with pytest.raises(InputError, match=r"ClipFeatureHead\.pooling='max': expected one of 'average'"):
        ClipFeatureHead('max')
