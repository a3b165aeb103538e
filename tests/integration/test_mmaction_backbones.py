"""Every backbone of the installed MMAction2 takes a step of VSPP and of auxSKD, or stands here with the reason why not."""

import copy

import pytest
import torch
from mmaction.registry import MODELS as MMACTION_MODELS
from mmengine.optim import OptimWrapper
from small_models import METHODS, MMACTION, make_batch

from auxskd_mm.models.backbones.frames import build_backbone, takes_frames
from auxskd_mm.models.modules import feature_map, pool_features
from auxskd_mm.registry import MODELS

pytestmark = pytest.mark.usefixtures('quiet')

REASONS = {
    'AAGCN': 'takes skeletons',
    'STGCN': 'takes skeletons',
    'ResNetAudio': 'takes sound',
    'RGBPoseConv3D': 'takes clips together with heatmaps of poses',
    'ResNet3dLayer': 'is one stage, and takes feature maps',
    'MobileOneTSM': 'needs mmpretrain, which is not installed',
}


def test_no_backbone_is_forgotten():
    found = {
        name
        for name, kind in MMACTION_MODELS.module_dict.items()
        if kind.__module__.startswith('mmaction.models.backbones.')
    }
    assert len(found) > 20
    assert found - {'MobileOneTSM'} == (set(MMACTION) | set(REASONS)) - {'MobileOneTSM'}


def built(name):
    torch.manual_seed(0)
    config, frames, size = copy.deepcopy(MMACTION[name])
    backbone = build_backbone(config)
    backbone.eval()  # several of MMAction2's return None
    return backbone, torch.rand(2, 3, frames, size, size)


@pytest.mark.parametrize('name', MMACTION)
def test_output_is_one_tensor_per_clip(name):
    backbone, clips = built(name)
    with torch.no_grad():
        feats = backbone(clips)
        one = pool_features(backbone(clips[1:]))
    assert feature_map(feats).shape[0] == 2
    pooled = pool_features(feats)
    assert pooled.shape == (2, pooled.shape[1])
    # No clip sees another one: frames are not mixed up when they are folded.
    assert torch.allclose(pooled[1:], one, atol=1e-5)
    assert not torch.equal(pooled[0], pooled[1])


@pytest.mark.parametrize('method', ['VSPP', 'auxSKD'])
@pytest.mark.parametrize('name', MMACTION)
def test_step(method, name):
    torch.manual_seed(0)
    backbone, clips = built(name)
    with torch.no_grad():
        width = pool_features(backbone(clips)).shape[1]
    config, frames, size = copy.deepcopy(MMACTION[name])
    make, views, _, labels, names = METHODS[method]
    model = make(config, width)
    if method == 'VSPP' and takes_frames(backbone):
        model['type'] = 'auxskd_mm.FrameRecognizer'  # as adapt_stock_config writes it
    preprocessor = dict(type='auxskd_mm.ClipDataPreprocessor', mean=[127.5] * 3, std=[64.0] * 3)
    model = MODELS.build(dict(model, data_preprocessor=preprocessor))
    model.init_weights()
    model.train()
    if hasattr(model, 'teacher'):
        model.teacher.copy_from(model.student_modules())
    first = next(p for p in model.backbone.parameters() if p.ndim > 3 and p.shape[1] == 3)
    before = first.detach().clone()
    optimizer = OptimWrapper(torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1))
    losses = model.train_step(make_batch(views, frames, size, labels), optimizer)
    assert {key for key in losses if key.startswith('loss_')} == names
    assert 0 < losses['loss'] < float('inf')
    # Without weight decay or momentum a weight moves where a gradient reached it, and nowhere else.
    assert torch.isfinite(first).all()
    assert (first != before).any()
