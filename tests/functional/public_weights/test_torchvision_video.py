"""torchvision's video networks: MMAction2's networks and our wrapper compute what torchvision's compute."""

import pytest
import torch
import torchvision.models.video as theirs_zoo
from torch import nn
from torchvision.models.video.mvit import MSBlockConfig, MViT
from torchvision.models.video.swin_transformer import SwinTransformer3d

from auxskd_mm.functional.transfer import load_checked
from auxskd_mm.registry import MODELS


@torch.no_grad()
def shake(network, seed=0):
    """Move each tensor away from its initial value, BatchNorm's statistics too."""
    generator = torch.Generator().manual_seed(seed)
    for key, value in network.state_dict().items():
        if value.is_floating_point():
            noise = torch.randn(value.shape, generator=generator, dtype=value.dtype)
            value += noise.abs() if key.endswith('running_var') else 0.05 * noise
    network.eval()
    return network


def feature_of(network, clips, *heads):
    """What a network computes before its head."""
    for name in heads:
        setattr(network, name, nn.Identity())
    with torch.no_grad():
        return network(clips)


RESNET3D = dict(
    type='ResNet3d',
    depth=18,
    pretrained=None,
    pretrained2d=False,
    conv1_kernel=(3, 7, 7),
    conv1_stride_t=1,
    with_pool1=False,
    with_pool2=False,
    conv_cfg=dict(type='Conv3d'),
    norm_eval=False,
)
R3D = dict(RESNET3D, temporal_strides=(1, 2, 2, 2), inflate=(1, 1, 1, 1))
MC3 = dict(RESNET3D, temporal_strides=(1, 1, 1, 1), inflate=(1, 0, 0, 0))


@pytest.mark.parametrize(('name', 'config'), [('r3d_18', R3D), ('mc3_18', MC3)])
def test_resnets_of_mmaction2(name, config):
    network = shake(getattr(theirs_zoo, name)())
    ours = MODELS.build(config)
    ours.eval()
    said = load_checked(ours, network.state_dict(), ('',), 'x.pth')
    clips = torch.rand(1, 3, 4, 24, 24)
    with torch.no_grad():
        found = ours(clips).mean((2, 3, 4))
    expected = feature_of(network, clips, 'fc')
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5 * expected.abs().max().item())
    assert "torchvision's R3D or MC3; 100.0% of the numbers in the model; not used: fc.weight, fc.bias" in said


def test_swin_of_mmaction2():
    size = dict(depths=[2, 4], num_heads=[2, 4])
    network = SwinTransformer3d(patch_size=[2, 4, 4], embed_dim=16, window_size=[2, 4, 4], **size)
    shake(network)
    arch = dict(embed_dims=16, **size)
    config = dict(type='SwinTransformer3D', arch=arch, window_size=(2, 4, 4), patch_norm=True, out_indices=(1,))
    ours = shake(MODELS.build(config), seed=1)
    said = load_checked(ours, network.state_dict(), ('',), 'x.pth')
    clips = torch.rand(2, 3, 8, 48, 48)
    with torch.no_grad():
        found = ours(clips).mean((2, 3, 4))
    torch.testing.assert_close(found, feature_of(network, clips, 'head'), rtol=1e-4, atol=1e-5)
    assert "torchvision's Swin3D; 100.0%" in said


def small_mvit():
    blocks = [(1, 16, 16, (1, 1, 1), (1, 4, 4)), (2, 16, 32, (1, 2, 2), (1, 2, 2)), (2, 32, 32, (1, 1, 1), (1, 2, 2))]
    setting = [
        MSBlockConfig(
            num_heads=heads,
            input_channels=width,
            output_channels=out,
            kernel_q=[3, 3, 3],
            kernel_kv=[3, 3, 3],
            stride_q=list(stride),
            stride_kv=list(kv),
        )
        for heads, width, out, stride, kv in blocks
    ]
    options = dict(residual_pool=True, residual_with_cls_embed=False, rel_pos_embed=True, proj_after_attn=True)
    return MViT(spatial_size=(32, 32), temporal_size=4, block_setting=setting, **options)


def test_mvit_of_mmaction2():
    network = shake(small_mvit())
    arch = dict(embed_dims=16, num_layers=3, num_heads=1, downscale_indices=[1])
    config = dict(type='MViT', arch=arch, spatial_size=32, temporal_size=4, adaptive_kv_stride=(1, 4, 4))
    ours = shake(MODELS.build(config), seed=1)
    said = load_checked(ours, network.state_dict(), ('',), 'x.pth')
    clips = torch.rand(2, 3, 4, 32, 32)
    with torch.no_grad():
        found = ours(clips)[0][1]  # the class token
    torch.testing.assert_close(found, feature_of(network, clips, 'head'), rtol=1e-4, atol=1e-5)
    assert "torchvision's MViT; 100.0%" in said
