"""The adapted first convolution: a gray clip gives what its copy in red, green and blue gave."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from auxskd_mm.errors import InputError
from auxskd_mm.functional.public_weights.input_channels import adapt_kernel
from auxskd_mm.functional.transfer import load_checked
from auxskd_mm.registry import MODELS

SMALL = dict(
    r2plus1d=(dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=4), (4, 16, 16)),
    r3d=(dict(type='auxskd_mm.R3DVCOP', base_channels=4), (4, 16, 16)),
    c3d=(dict(type='auxskd_mm.C3DBN', base_channels=4), (8, 32, 32)),
    s3dg=(dict(type='auxskd_mm.S3DG', width=1 / 8), (8, 32, 32)),
    i3d=(dict(type='auxskd_mm.I3DInception', width=1 / 8), (8, 32, 32)),
    hara=(dict(type='auxskd_mm.ResNet3dHara', base_channels=4), (8, 32, 32)),
    mmaction=(dict(type='mmaction.ResNet3dSlowOnly', depth=18, pretrained=None, base_channels=4, conv1_kernel=(1, 7, 7),
                   inflate=(0, 0, 1, 1)), (4, 32, 32)),
    x3d=(dict(type='auxskd_mm.PyTorchVideoBackbone', model='create_x3d', input_clip_length=4, input_crop_size=32), (4, 32, 32)),
    timm=(dict(type='auxskd_mm.TimmBackbone', model='test_resnet'), (2, 32, 32)),
    timm_inflated=(dict(type='auxskd_mm.TimmBackbone', model='test_resnet', temporal='inflate'), (4, 32, 32)),
    timm_vit=(dict(type='auxskd_mm.TimmBackbone', model='test_vit', img_size=32), (2, 32, 32)),
)  # fmt: skip


def randomised(network):
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 2)
    network.eval()  # MMAction2's returns nothing
    return network


@pytest.mark.parametrize('channels', [1, 2, 3, 4, 5, 6, 10])
def test_equal_channels_give_what_equal_colours_give(channels):
    weight = torch.randn(4, 3, 3, 3, 3, generator=torch.Generator().manual_seed(0))
    gray = torch.randn(1, 1, 4, 6, 6, generator=torch.Generator().manual_seed(1))
    adapted = adapt_kernel(weight, channels)
    assert adapted.shape == (4, channels, 3, 3, 3)
    # Also at the borders, which are padded with zeros.
    expected = F.conv3d(gray.expand(-1, 3, -1, -1, -1), weight, padding=1)
    found = F.conv3d(gray.expand(-1, channels, -1, -1, -1), adapted, padding=1)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_colours_keep_their_kernels_among_more_channels():
    weight = torch.randn(2, 3, 1, 1)
    torch.testing.assert_close(adapt_kernel(weight, 3), weight)
    six = adapt_kernel(weight, 6)
    torch.testing.assert_close(six[:, :3], weight / 2)
    torch.testing.assert_close(six[:, 3:], weight / 2)
    torch.testing.assert_close(adapt_kernel(weight, 4)[:, 1], weight[:, 1])


@pytest.mark.parametrize('name', SMALL)
def test_gray_clip_through_adapted_weights(name):
    config, size = SMALL[name]
    original = randomised(MODELS.build(dict(config)))
    network = MODELS.build(dict(config, in_channels=1))
    network.eval()
    message = load_checked(network, dict(state_dict=original.state_dict()), ('',), 'weights.pth')
    assert 'adapted from 3 to 1 channels' in message
    gray = torch.randn(2, 1, *size, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        expected, found = original(gray.expand(-1, 3, -1, -1, -1)), network(gray)
    scale = max(1.0, float(expected.abs().max()))
    assert float((found - expected).abs().max()) < 1e-5 * scale


def test_weights_of_an_image_network_are_inflated_and_adapted():
    image = randomised(MODELS.build(dict(type='auxskd_mm.TimmBackbone', model='test_resnet')))
    network = MODELS.build(
        dict(type='auxskd_mm.TimmBackbone', model='test_resnet', temporal='inflate', in_channels=1)
    ).eval()
    assert 'conv1.0.weight adapted from 3 to 1 channels' in network.load_trunk(image.trunk.state_dict(), 'weights')
    still = torch.randn(1, 1, 1, 32, 32).expand(-1, -1, 4, -1, -1)
    with torch.no_grad():
        torch.testing.assert_close(network(still), image(still.expand(-1, 3, -1, -1, -1)), atol=1e-5, rtol=1e-5)


def test_with_three_means_a_gray_clip_goes_through_the_original_network():
    """Normalisation per channel: the preprocessor copies the clip, and no weight changes."""
    settings = dict(type='auxskd_mm.ClipDataPreprocessor', mean=[123.7, 116.3, 103.5], std=[58.4, 57.1, 57.4])
    gray = torch.randint(0, 4096, (1, 1, 4, 16, 16)).to(torch.uint16)
    copied = (gray.float() * (255 / 4095)).expand(-1, 3, -1, -1, -1)
    made, _ = MODELS.build(dict(settings, value_range=(0, 4095))).preprocess([gray], None)
    expected, _ = MODELS.build(settings).preprocess([copied], None)
    torch.testing.assert_close(made, expected, atol=1e-5, rtol=0)


def test_depthwise_and_later_convolutions_are_not_adapted():
    three = MODELS.build(dict(type='auxskd_mm.C3DBN', stage_convs=(1, 1), base_channels=3))
    wider = MODELS.build(dict(type='auxskd_mm.C3DBN', stage_convs=(1, 1), base_channels=5))
    with pytest.raises(InputError, match='of another shape'):
        load_checked(wider, dict(state_dict=three.state_dict()), ('',), 'weights.pth')


def test_clips_of_other_channels_are_refused_in_one_line():
    for kind in ('R2Plus1DVCOP', 'TorchvisionVideoBackbone'):
        network = MODELS.build(dict(type=f'auxskd_mm.{kind}', in_channels=1))
        with pytest.raises(
            InputError, match=r'takes clips of 1 channel\(s\), and these have 3: set its in_channels, or'
        ):
            network(torch.zeros(1, 3, 4, 16, 16))
        with pytest.raises(InputError, match=rf'{kind}\.in_channels=0: expected a whole number'):
            MODELS.build(dict(type=f'auxskd_mm.{kind}', in_channels=0))
