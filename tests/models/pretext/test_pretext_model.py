"""What every method with views shares: modes, views, and the refusal of several feature maps at build time."""

import pytest
import torch
from mmaction.structures import ActionDataSample

from auxskd_mm.errors import InputError
from auxskd_mm.models.data_preprocessors import ClipDataPreprocessor
from auxskd_mm.models.pretext import PretextModel

SLOW_ONLY = dict(
    type='ResNet3dSlowOnly', depth=18, pretrained=None, lateral=False, base_channels=2, conv1_kernel=(1, 7, 7)
)
R3D = dict(type='auxskd_mm.R3DVCOP', base_channels=2, stage_blocks=(1,))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return PretextModel(R3D, num_views=3).eval()


def test_modes(model):
    clips = torch.randn(2, 3, 3, 4, 8, 8)
    pooled = torch.stack([model.backbone(clips[:, i]).mean((2, 3, 4)) for i in range(3)], 1)  # (B, V, C)
    assert torch.allclose(model(clips), pooled.flatten(0, 1), atol=1e-6)
    assert torch.allclose(model(clips[:, 1]), pooled[:, 1], atol=1e-6)
    assert torch.equal(model(clips, mode='predict'), model(clips))
    samples = model(clips, [ActionDataSample(), ActionDataSample()], mode='predict')
    assert all(torch.allclose(sample.feature, own, atol=1e-6) for sample, own in zip(samples, pooled))
    with pytest.raises(InputError, match="mode='train': expected 'loss', 'tensor' or 'predict'"):
        model(clips, mode='train')
    with pytest.raises(NotImplementedError):
        model(clips, mode='loss')


def test_views(model):
    clips = torch.randn(2, 3, 3, 4, 8, 8)
    assert all(torch.equal(view, clips[:, i]) for i, view in enumerate(model.views(clips)))
    for wrong in (clips[:, :2], clips[:, 0]):
        with pytest.raises(InputError, match=r'takes \(B, 3, C, T, H, W\), got .*must draw 3 views .*NCTHW'):
            model.views(wrong)


def test_preprocessor():
    assert type(PretextModel(R3D, 2).data_preprocessor) is ClipDataPreprocessor
    given = PretextModel(R3D, 2, dict(type='ActionDataPreprocessor', mean=[1.0] * 3, std=[2.0] * 3))
    assert type(given.data_preprocessor).__name__ == 'ActionDataPreprocessor'


@pytest.mark.parametrize(
    ('backbone', 'says'),
    [
        (
            {**SLOW_ONLY, 'out_indices': (1, 3)},
            r'out_indices=\(1, 3\): .* yields 2 feature maps; set out_indices=\(3,\)',
        ),
    ],
)
def test_several_maps_are_refused_at_build_time(backbone, says):
    with pytest.raises(InputError, match=rf'model\.backbone.*{says}'):
        PretextModel(backbone, 2)
