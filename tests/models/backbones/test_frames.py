"""Networks of frames on clips, against a loop over the clips, and TIN's sampling against a loop over its groups."""

import importlib.util
import math

import pytest
import torch
from small_models import MMACTION, RESNET2D

from auxskd_mm.errors import InputError
from auxskd_mm.functional.temporal_interlace import linear_sampler, shift_frames
from auxskd_mm.models.backbones.frames import build_backbone, take_clips, takes_frames
from auxskd_mm.registry import MODELS


@pytest.mark.parametrize('name', ['ResNet', 'ResNetTSM', 'TANet', 'MobileNetV2TSM'])
def test_a_clip_is_its_frames_in_a_row(name):
    config, length, size = MMACTION[name]
    torch.manual_seed(0)
    backbone = build_backbone(config)
    backbone.eval()
    clips = torch.rand(2, 3, length, size, size)
    with torch.no_grad():
        maps = backbone(clips)
        for clip, fmap in zip(clips, maps):
            frames = backbone(clip.unbind(1)[0][None] if name == 'ResNet' else clip.transpose(0, 1))
            assert torch.allclose(fmap[:, : len(frames)], frames.transpose(0, 1), atol=1e-5)


def test_weights_keep_their_names():
    torch.manual_seed(0)
    plain = MODELS.build(dict(type='ResNet', **RESNET2D))
    names = list(plain.state_dict())
    assert list(take_clips(plain).state_dict()) == names


def test_temporal_pooling_halves_the_frames():
    backbone = build_backbone(dict(type='ResNetTSM', depth=18, pretrained=None, num_segments=4, temporal_pool=True))
    assert backbone(torch.rand(1, 3, 4, 16, 16)).shape[:3] == (1, 512, 2)


def test_an_image_network_gives_a_feature_per_frame():
    backbone = build_backbone(dict(type='torchvision.resnet18'))
    backbone.eval()
    clips = torch.rand(2, 3, 3, 32, 32)
    with torch.no_grad():
        maps = backbone(clips)
        frame = backbone(clips[1:, :, 2])
    assert maps.shape == (2, 512, 3, 1, 1)
    assert torch.allclose(maps[1, :, 2, 0, 0], frame[0], atol=1e-5)


@pytest.mark.skipif(importlib.util.find_spec('timm') is not None, reason='timm is installed')
def test_a_missing_library_is_one_line():
    head = dict(type='auxskd_mm.VSPPHead', in_channels=8)
    for build in (
        build_backbone,
        lambda backbone: MODELS.build(dict(type='auxskd_mm.FrameRecognizer', backbone=backbone, cls_head=head)),
    ):
        with pytest.raises(InputError, match='install timm'):
            build(dict(type='timm.swin_tiny_patch4_window7_224'))


def test_who_takes_frames():
    class Own(torch.nn.Module):
        takes_frames = True

    assert takes_frames(Own())
    assert not takes_frames(torch.nn.Conv3d(1, 1, 1))
    frames = {'ResNet', 'ResNetTSM', 'ResNetTIN', 'TANet', 'MobileNetV2', 'MobileNetV2TSM'}
    assert {name for name in MMACTION if takes_frames(MODELS.build(MMACTION[name][0]))} == frames


def test_another_number_of_frames_is_named():
    backbone = build_backbone(MMACTION['ResNetTSM'][0])
    with pytest.raises(InputError, match='num_segments=4, but the clips have 8 frames: set it to 8'):
        backbone(torch.rand(1, 3, 8, 16, 16))


def test_shift_as_the_cuda_kernel_does_it():
    data = torch.rand(2, 5, 4, 3)
    shift = torch.tensor([[1, -2], [0, 7]])
    expected = torch.zeros_like(data)
    for n in range(2):
        for c in range(4):
            for t in range(5):
                to = t + int(shift[n, c // 2])
                if 0 <= to < 5:
                    expected[n, to, c] = data[n, t, c]
    assert torch.equal(shift_frames(data, shift), expected)


def test_fractions_are_interpolated_with_gradients():
    data = torch.rand(1, 5, 2, 2, 2, dtype=torch.float64, requires_grad=True)
    offset = torch.tensor([[0.25, -1.5]], dtype=torch.float64, requires_grad=True)
    out = linear_sampler(data, offset)
    for group, value in enumerate((0.25, -1.5)):
        for t in range(5):
            at = t - value
            low = math.floor(at)
            parts = [(1 - (at - low), low), (at - low, low + 1)]
            expected = sum(
                (weight * data[0, i, group] for weight, i in parts if 0 <= i < 5), torch.zeros(2, 2).double()
            )
            assert torch.allclose(out[0, t, group], expected)
    assert torch.autograd.gradcheck(linear_sampler, (data, offset))
