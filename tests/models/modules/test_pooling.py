"""Pooling of any backbone output, compared with MMAction2's own heads on its own backbones."""

import pytest
import torch
from mmaction.registry import MODELS

from auxskd_mm.errors import InputError
from auxskd_mm.models.modules import pool_features

RESNET = dict(pretrained=None, pretrained2d=False, base_channels=8)
MVIT = dict(
    type='MViT',
    arch=dict(embed_dims=16, num_layers=4, num_heads=1, downscale_indices=[1, 2]),
    spatial_size=32,
    temporal_size=8,
)
VIT = dict(type='VisionTransformer', img_size=32, patch_size=16, embed_dims=32, depth=1, num_heads=2, num_frames=8)
BACKBONES = {
    'resnet3d': (dict(type='ResNet3d', depth=18, **RESNET), 64),
    'r2plus1d': (
        dict(
            type='ResNet2Plus1d',
            depth=18,
            conv_cfg=dict(type='Conv2plus1d'),
            norm_cfg=dict(type='BN3d'),
            conv1_kernel=(3, 7, 7),
            conv1_stride_t=1,
            pool1_stride_t=1,
            inflate=(1, 1, 1, 1),
            temporal_strides=(1, 2, 2, 2),
            **RESNET,
        ),
        64,
    ),
    'slow_only': (dict(type='ResNet3dSlowOnly', depth=18, conv1_kernel=(1, 7, 7), **RESNET), 64),
    'csn': (dict(type='ResNet3dCSN', depth=50, with_pool2=False, bottleneck_mode='ir', **RESNET), 256),
    'x3d': (dict(type='X3D', gamma_w=1, gamma_b=2.25, gamma_d=1), 432),
    'swin3d': (
        dict(
            type='SwinTransformer3D',
            arch=dict(embed_dims=16, depths=[1, 1, 1, 1], num_heads=[1, 1, 1, 1]),
            pretrained2d=False,
            window_size=(2, 2, 2),
        ),
        128,
    ),
}


def features(config):
    torch.manual_seed(0)
    backbone = MODELS.build(config)
    backbone.eval()
    with torch.no_grad():
        return backbone(torch.rand(2, 3, 8, 32, 32))


@pytest.mark.parametrize('name', BACKBONES)
def test_maps_as_the_i3d_head_pools_them(name):
    config, width = BACKBONES[name]
    feats = features(config)
    head = MODELS.build(dict(type='I3DHead', num_classes=width, in_channels=width, dropout_ratio=0))
    torch.nn.init.eye_(head.fc_cls.weight)
    torch.nn.init.zeros_(head.fc_cls.bias)
    assert torch.allclose(pool_features(feats), head(feats), atol=1e-6)


def test_mvit_as_its_own_head_pools_it():
    feats = features(MVIT)
    with_token = MODELS.build(dict(type='MViTHead', num_classes=2, in_channels=64))
    assert torch.equal(pool_features(feats), with_token.pre_logits(feats))
    assert torch.equal(pool_features(feats, token_pool='class'), with_token.pre_logits(feats))
    patches = features(dict(MVIT, output_cls_token=False))
    without = MODELS.build(dict(type='MViTHead', num_classes=2, in_channels=64, with_cls_token=False))
    assert torch.allclose(pool_features(patches), without.pre_logits(patches), atol=1e-6)
    assert torch.allclose(pool_features(feats, token_pool='patch'), without.pre_logits(patches), atol=1e-6)
    with pytest.raises(InputError, match=r'yields 3 feature maps.*out_scales=3'):
        pool_features(features(dict(MVIT, out_scales=[0, 1, 2])))


def test_vit_of_videomae():
    feats = features(VIT)
    assert feats.shape == (2, 32)
    assert pool_features(feats) is feats
    tokens = features(dict(VIT, return_feat_map=True))
    assert tokens.shape == (2, 32, 4, 2, 2)
    assert torch.allclose(pool_features(tokens), tokens.mean((2, 3, 4)), atol=1e-6)


def test_tokens():
    tokens = torch.randn(2, 5, 3)
    assert torch.allclose(pool_features(tokens), tokens.mean(1))
    assert torch.equal(pool_features(tokens, token_pool='class'), tokens[:, 0])
    assert torch.allclose(pool_features(tokens, token_pool='patch'), tokens[:, 1:].mean(1))
    assert torch.allclose(pool_features([(tokens,)]), tokens.mean(1))


def test_a_pair_without_its_token_is_a_map():
    feature_map = torch.randn(2, 3, 2, 4, 4)
    assert torch.allclose(pool_features(([feature_map, None],)), feature_map.mean((2, 3, 4)), atol=1e-6)
    assert torch.equal(pool_features([feature_map, torch.ones(2, 3)]), torch.ones(2, 3))


def test_what_cannot_be_pooled_is_named():
    several = features(dict(BACKBONES['resnet3d'][0], out_indices=(2, 3)))
    with pytest.raises(InputError, match=r'yields 2 feature maps .*set model\.backbone\.out_indices to a single stage'):
        pool_features(several)
    with pytest.raises(InputError, match=r'set model\.teacher\.stages to'):
        pool_features(several, key='model.teacher.stages')
    for feats, names in ((torch.ones(3), r'\(3,\)'), (None, 'NoneType'), (dict(a=1), 'dict'), ((), '0 feature maps')):
        with pytest.raises(InputError, match=f'backbone yields .*{names}'):
            pool_features(feats)
    with pytest.raises(InputError, match="token_pool='max'"):
        pool_features(torch.ones(2, 3), token_pool='max')
