"""Every method builds and takes a step on every kind of backbone: own, MMAction2's, pytorchvideo's and timm's, small."""

import logging

import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper
from small_models import METHODS, make_batch
from small_models import MMACTION as SMALL

from auxskd_mm.models.modules import pool_features
from auxskd_mm.registry import MODELS

MMACTION = (  # the others take the two methods of test_mmaction_backbones.py
    'ResNet3d',
    'ResNet2Plus1d',
    'ResNet3dSlowOnly',
    'X3D',
    'ResNet3dCSN',
    'SwinTransformer3D',
    'MViT',
    'VisionTransformer',
)
PTV = 'auxskd_mm.PyTorchVideoBackbone'
BACKBONES = {  # name: (config, frames, height and width)
    'R2Plus1DVCOP': (dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=4), 4, 8),
    'R3DVCOP': (dict(type='auxskd_mm.R3DVCOP', base_channels=4), 4, 8),
    'C3DBN': (dict(type='auxskd_mm.C3DBN', base_channels=4), 8, 16),
    'S3DG': (dict(type='auxskd_mm.S3DG', width=0.0625, stage_blocks=(1, 1, 1)), 8, 32),
    'ResNet3dHara': (dict(type='auxskd_mm.ResNet3dHara', base_channels=4), 4, 8),
    **{name: SMALL[name] for name in MMACTION},
    'ptv_slow': (dict(type=PTV, model='slow_r50', stem_dim_out=4), 2, 8),
    'ptv_r2plus1d': (dict(type=PTV, model='r2plus1d_r50', stem_dim_out=4), 4, 16),
    'ptv_csn': (dict(type=PTV, model='create_csn', stem_dim_out=4), 4, 8),
    'ptv_x3d': (dict(type=PTV, model='x3d_xs', width_factor=0.5, depth_factor=0.4), 2, 16),
    'ptv_mvit': (
        dict(
            type=PTV,
            model='create_multiscale_vision_transformers',
            spatial_size=16,
            temporal_size=4,
            depth=2,
            patch_embed_dim=8,
            embed_dim_mul=[[1, 2.0]],
            atten_head_mul=[[1, 2.0]],
            pool_q_stride_size=[[1, 1, 2, 2]],
            pool_kv_stride_adaptive=[1, 2, 2],
            pool_kvq_kernel=[3, 3, 3],
        ),
        4,
        16,
    ),
    'timm_shift': (dict(type='auxskd_mm.TimmBackbone', model='test_resnet', temporal='shift'), 2, 32),
    'timm_inflate': (dict(type='auxskd_mm.TimmBackbone', model='test_efficientnet', temporal='inflate'), 2, 32),
}


@pytest.fixture(autouse=True)
def quiet():
    """MMEngine logs a line per parameter when it initialises."""
    logger = MMLogger.get_current_instance()
    before = logger.level
    logger.setLevel(logging.ERROR)
    yield
    logger.setLevel(before)


def width_of(config, frames, size):
    """Width of what the backbone yields, seen on a clip of zeros."""
    backbone = MODELS.build(config)
    backbone.eval()
    with torch.no_grad():
        width = pool_features(backbone(torch.zeros(1, 3, frames, size, size))).shape[1]
    assert getattr(backbone, 'out_channels', width) == width
    return width


@pytest.mark.parametrize('backbone', BACKBONES)
@pytest.mark.parametrize('method', METHODS)
def test_step(method, backbone):
    torch.manual_seed(0)
    config, frames, size = BACKBONES[backbone]
    make, views, lengths, labels, names = METHODS[method]
    preprocessor = dict(type='auxskd_mm.ClipDataPreprocessor', mean=[127.5] * 3, std=[64.0] * 3)
    model = MODELS.build(dict(make(config, width_of(config, frames, size)), data_preprocessor=preprocessor))
    model.init_weights()
    model.train()
    if hasattr(model, 'teacher'):
        model.teacher.copy_from(model.student_modules())
    first = next(p for p in model.backbone.parameters() if p.ndim >= 4)
    assert first.shape[1] == 3
    before = first.detach().clone()
    optimizer = OptimWrapper(torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1))
    losses = model.train_step(make_batch(views, frames * lengths, size, labels), optimizer)
    assert {key for key in losses if key.startswith('loss_')} == names
    assert all(torch.isfinite(value) for value in losses.values())
    assert losses['loss'] > 0
    assert torch.isfinite(first).all()
    # Without weight decay or momentum a weight moves where a gradient reached it, and nowhere else.
    assert (first != before).any()
