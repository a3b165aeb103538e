"""Every method builds and takes a step on every kind of backbone: own, MMAction2's and pytorchvideo's, all as small as they go."""

import logging

import pytest
import torch
from mmaction.structures import ActionDataSample
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper

from auxskd_mm.models.modules import pool_features
from auxskd_mm.registry import MODELS

BATCH = 4
SLOW = dict(depth=50, pretrained=None, base_channels=4, norm_eval=False)
PTV = 'auxskd_mm.PyTorchVideoBackbone'
BACKBONES = {  # name: (config, frames, height and width)
    'R2Plus1DVCOP': (dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=4), 4, 8),
    'R3DVCOP': (dict(type='auxskd_mm.R3DVCOP', base_channels=4), 4, 8),
    'C3DBN': (dict(type='auxskd_mm.C3DBN', base_channels=4), 8, 16),
    'S3DG': (dict(type='auxskd_mm.S3DG', width=0.0625, stage_blocks=(1, 1, 1)), 8, 32),
    'ResNet3dHara': (dict(type='auxskd_mm.ResNet3dHara', base_channels=4), 4, 8),
    'ResNet3d': (dict(type='ResNet3d', depth=18, pretrained=None, base_channels=4), 4, 8),
    'ResNet2Plus1d': (
        dict(
            type='ResNet2Plus1d',
            depth=18,
            pretrained=None,
            pretrained2d=False,
            base_channels=4,
            conv_cfg=dict(type='Conv2plus1d'),
        ),
        4,
        8,
    ),
    'ResNet3dSlowOnly': (dict(type='ResNet3dSlowOnly', **SLOW), 2, 8),
    'X3D': (dict(type='X3D', gamma_w=0.5, gamma_d=0.4), 2, 16),
    'ResNet3dCSN': (dict(type='ResNet3dCSN', pretrained2d=False, with_pool2=False, **SLOW), 4, 8),
    'SwinTransformer3D': (
        dict(
            type='SwinTransformer3D',
            arch=dict(embed_dims=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2]),
            pretrained2d=False,
            window_size=(2, 2, 2),
        ),
        4,
        32,
    ),
    'MViT': (
        dict(
            type='MViT',
            arch=dict(embed_dims=8, num_layers=2, num_heads=1, downscale_indices=[1]),
            spatial_size=16,
            temporal_size=4,
        ),
        4,
        16,
    ),
    'VisionTransformer': (
        dict(type='VisionTransformer', img_size=16, patch_size=8, embed_dims=16, depth=1, num_heads=2, num_frames=4),
        4,
        16,
    ),
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
}


def recogniser(backbone, **head):
    return dict(type='Recognizer3D', backbone=backbone, cls_head=head)


def aux_skd(backbone, width):
    neck = dict(type='auxskd_mm.MLP', in_channels=width, out_channels=8)
    predictor = dict(type='auxskd_mm.MLP', in_channels=8, hidden_channels=8, out_channels=8)
    return dict(type='auxskd_mm.AuxSKD', backbone=backbone, neck=neck, predictor=predictor, queue_size=16)


def rspnet(backbone, width):
    head = dict(type='auxskd_mm.RelativeSpeedHead', in_channels=width, out_channels=8)
    return dict(type='auxskd_mm.RSPNet', backbone=backbone, head_a=head, queue_size=16)


METHODS = {  # name: (model of backbone and width, views, clip lengths in a view, labels, losses)
    'VSPP': (
        lambda b, c: recogniser(b, type='auxskd_mm.VSPPHead', in_channels=c),
        1,
        1,
        dict(pace_label=4, segment_label=4),
        {'loss_speed', 'loss_segment'},
    ),
    'auxSKD': (aux_skd, 2, 1, {}, {'loss_similarity'}),
    'VideoPace': (
        lambda b, c: recogniser(b, type='auxskd_mm.PaceHead', in_channels=c),
        1,
        1,
        dict(pace_label=4),
        {'loss_pace'},
    ),
    'VideoPace+contrastive': (
        lambda b, c: recogniser(b, type='auxskd_mm.PaceHead', in_channels=c, contrastive='same_context'),
        2,
        1,
        dict(pace_label=4),
        {'loss_pace', 'loss_contrastive'},
    ),
    'VCOP': (
        lambda b, c: recogniser(b, type='auxskd_mm.ClipOrderHead', in_channels=c, hidden_channels=8),
        3,
        1,
        dict(order_label=6),
        {'loss_order'},
    ),
    'RSPNet': (rspnet, 2, 2, {}, {'loss_appearance', 'loss_motion'}),
}


@pytest.fixture(autouse=True)
def quiet():
    """MMEngine logs a line a parameter when it initialises."""
    logger = MMLogger.get_current_instance()
    before = logger.level
    logger.setLevel(logging.ERROR)
    yield
    logger.setLevel(before)


def make_batch(views, frames, size, labels):
    torch.manual_seed(1)
    samples = []
    for i in range(BATCH):
        sample = ActionDataSample()
        for key, classes in labels.items():
            count = 1 if key == 'order_label' else views
            sample.set_field((torch.arange(count) + i) % classes, key)
        samples.append(sample)
    return dict(
        inputs=list(torch.randint(0, 256, (BATCH, views, 3, frames, size, size), dtype=torch.uint8)),
        data_samples=samples,
    )


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
    first = next(p for p in model.backbone.parameters() if p.ndim == 5)
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
