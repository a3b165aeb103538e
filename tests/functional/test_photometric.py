"""Whole clips as tensors against torchvision, one frame and one operation at a time; hue also against colorsys."""

import colorsys
import itertools

import numpy as np
import pytest
import torch
from jitter_oracle import colourful_frames, jitter_all

from auxskd_mm.errors import InputError
from auxskd_mm.functional.jitter_params import JitterParams, draw_jitter_batch, jitter_settings
from auxskd_mm.functional.photometric import (
    frame_shape,
    grey_clips,
    grey_of,
    jitter_clips,
    normalize_clips,
    shift_hue,
)

LAYOUTS = {-4: (0, 4, 1, 2, 3), -3: (0, 1, 4, 2, 3)}  # from (B, T, H, W, 3)
# The specification asks for one grey level; what is reached is far below.
TOLERANCE = 0.01


def fixed(order, factors, hue, count=1, apply=True):
    """Parameters of shape (1, count), every frame alike."""
    row = JitterParams(np.full((1, count), apply), np.tile(order, (1, count, 1)), np.tile(factors, (1, count, 1)), hue)
    return row._replace(hue=np.full((1, count), hue, np.float64)).tensors()


def flat(params):
    return JitterParams(*(a.flatten(0, 1) for a in params))


@pytest.mark.parametrize('channel_dim', LAYOUTS)
@pytest.mark.parametrize('clip_consistent', [False, True])
def test_equal_to_torchvision(channel_dim, clip_consistent):
    frames = torch.from_numpy(colourful_frames(3 * 24)).reshape(3, 24, 13, 10, 3)
    settings = jitter_settings(0.8, 0.8, 0.8, 0.5, p=0.8, clip_consistent=clip_consistent)
    params = draw_jitter_batch(settings, (3, 24), generator=torch.Generator().manual_seed(1))
    clips = frames.permute(LAYOUTS[channel_dim])
    before = clips.clone()
    ours = jitter_clips(clips, params, channel_dim)
    assert torch.equal(clips, before)
    assert (ours.dtype, ours.shape) == (torch.float32, clips.shape)
    expected = jitter_all(frames.flatten(0, 1).numpy(), flat(params)).reshape(3, 24, 13, 10, 3)
    expected = torch.from_numpy(expected).permute(LAYOUTS[channel_dim])
    assert (ours - expected).abs().max() < TOLERANCE


@pytest.mark.parametrize('channels', [1, 2, 5])
@pytest.mark.parametrize('channel_dim', LAYOUTS)
def test_other_numbers_of_channels_are_each_jittered_as_a_grey_image_is(channels, channel_dim):
    frames = torch.rand(2, 12, 9, 8, channels, generator=torch.Generator().manual_seed(0)) * 255
    settings = jitter_settings(0.8, 0.8, p=0.8)
    params = draw_jitter_batch(settings, (2, 12), generator=torch.Generator().manual_seed(1))
    ours = jitter_clips(frames.permute(LAYOUTS[channel_dim]), params, channel_dim, operations=settings.operations)
    for channel, found in enumerate(ours.permute(tuple(np.argsort(LAYOUTS[channel_dim]))).unbind(-1)):
        grey = frames[..., channel, None].expand(2, 12, 9, 8, 3)  # torchvision's mean of it is that of the channel
        expected = jitter_all(grey.flatten(0, 1).numpy(), flat(params))[..., 0].reshape(2, 12, 9, 8)
        assert np.abs(found.numpy() - expected).max() < 0.02  # torchvision's luma weights sum to 0.9999


def test_every_order_and_the_ends_of_the_ranges():
    frames = colourful_frames(24, 6, 5)
    orders = np.array(list(itertools.permutations(range(4))))
    for factors, hue in (((0, 0, 0), 0.5), ((2, 2, 2), -0.5), ((1, 1, 1), 0.0), ((0.2, 1.8, 0.2), 0.2), ((3, 0, 9), 0)):
        params = JitterParams(np.ones(24, bool), orders, np.tile(factors, (24, 1)), np.full(24, hue)).tensors()
        ours = jitter_clips(torch.from_numpy(frames).permute(3, 0, 1, 2), params).permute(1, 2, 3, 0)
        assert np.abs(ours.numpy() - jitter_all(frames, params)).max() < TOLERANCE


def test_frames_left_out_keep_every_bit():
    clips = torch.rand(2, 3, 5, 8, 8) * 255
    params = draw_jitter_batch(
        jitter_settings(0.8, 0.8, 0.8, 0.2, p=0.5), (2, 5), generator=torch.Generator().manual_seed(0)
    )
    ours = jitter_clips(clips, params)
    same = (ours == clips).all(4).all(3).all(1)
    assert torch.equal(same, ~params.apply)
    assert params.apply.any()
    assert not params.apply.all()


def test_operations_that_are_off_are_left_out_alike():
    clips = torch.from_numpy(colourful_frames(8)).permute(3, 0, 1, 2)[None]
    generator = torch.Generator()
    for kwargs in (dict(brightness=0.5, saturation=0.5), dict(hue=0.3), dict(contrast=0.4, hue=0.1), {}):
        settings = jitter_settings(**kwargs)
        params = draw_jitter_batch(settings, (1, 8), generator=generator.manual_seed(2))
        short = jitter_clips(clips, params, operations=settings.operations)
        assert (short - jitter_clips(clips, params)).abs().max() < TOLERANCE
        assert torch.equal(short, clips.float()) == (not kwargs)


def test_white_black_and_grey():
    clips = torch.tensor([255.0, 0.0, 128.0]).reshape(1, 1, 3, 1, 1).expand(1, 3, 3, 4, 4)
    # A hue shift and a saturation factor leave what has no colour alone (the luma weights sum to 0.9999).
    ours = jitter_clips(clips, fixed((3, 2, 0, 1), (1, 1, 0.3), 0.37, count=3))
    assert (ours - clips).abs().max() < 255e-4
    # Full brightness stays clamped; contrast 0 is the mean grey.
    bright = jitter_clips(clips, fixed((0, 1, 2, 3), (1.8, 1, 1), 0, count=3))
    assert bright[0, 0, :, 0, 0].tolist() == pytest.approx([255, 0, 128 * 1.8], abs=1e-3)
    half = torch.zeros(1, 3, 1, 2, 2)
    half[..., 0] = 200
    assert jitter_clips(half, fixed((1, 0, 2, 3), (1, 0, 1), 0)).unique().tolist() == pytest.approx([99.99], abs=1e-3)


def test_hue_is_that_of_colorsys_and_wraps():
    rng = np.random.RandomState(0)
    pixels = np.concatenate([rng.rand(200, 3), np.eye(3), 1 - np.eye(3), rng.rand(5, 1).repeat(3, 1)])
    clip = torch.from_numpy(pixels.astype(np.float32)).T.reshape(3, 1, 1, -1)
    for hue in (-0.5, -0.2, 0.0, 1 / 3, 0.5):
        expected = []
        for pixel in pixels:
            h, s, v = colorsys.rgb_to_hsv(*pixel)
            expected.append(colorsys.hsv_to_rgb((h + hue) % 1, s, v))
        ours = shift_hue(clip, torch.tensor([hue])).reshape(3, -1).T
        assert np.abs(ours.numpy() - np.array(expected)).max() < 1e-5
    red = torch.tensor([200.0, 0, 0]).reshape(3, 1, 1, 1)
    assert shift_hue(red, torch.tensor([1 / 3])).flatten().tolist() == pytest.approx([0, 200, 0], abs=1e-3)
    for hue in (-0.4, 0.1, 0.5):
        there, round_again = (shift_hue(clip, torch.tensor([h])) for h in (hue, hue - 1))
        assert (there - round_again).abs().max() < 1e-5


@pytest.mark.parametrize('channel_dim', LAYOUTS)
def test_grey_and_normalise(channel_dim):
    clips = torch.from_numpy(colourful_frames(2 * 3)).reshape(2, 3, 13, 10, 3)
    rgb = clips.double()
    luma = 0.2989 * rgb[..., 0] + 0.587 * rgb[..., 1] + 0.114 * rgb[..., 2]
    moved = clips.permute(LAYOUTS[channel_dim])
    assert (grey_of(moved.float(), channel_dim) - luma).abs().max() < 1e-3
    apply = torch.tensor([[True, False, True], [False, True, False]])
    ours = grey_clips(moved, apply, channel_dim)
    expected = torch.where(apply[..., None, None, None], luma[..., None].expand_as(rgb), rgb)
    back = ours.permute(tuple(np.argsort(LAYOUTS[channel_dim])))
    assert (back - expected).abs().max() < 1e-3
    assert torch.equal(back[~apply], clips.float()[~apply])
    mean, std = torch.tensor([1.0, 2, 3]), torch.tensor([4.0, 5, 6])
    normalised = normalize_clips(moved, mean.tolist(), std, channel_dim)
    assert (normalised - ((rgb - mean) / std).permute(LAYOUTS[channel_dim])).abs().max() < 1e-5


def test_shapes():
    assert frame_shape(torch.zeros(4, 2, 3, 16, 8, 9)) == (4, 2, 16)
    assert frame_shape(torch.zeros(4, 16, 3, 8, 9), -3) == (4, 16)
    assert frame_shape(torch.zeros(3, 16, 8, 9)) == (16,)
    for shape, channel_dim, says in (
        ((2, 1, 16, 8, 8), -4, r'shape \(2, 1, 16, 8, 8\): expected 3 channels at dimension -4'),
        ((2, 3, 16, 8, 8), -3, 'expected 3 channels at dimension -3'),
        ((3, 8, 8), -3, 'expected 3 channels'),
        ((2, 3, 16, 8, 8), 1, 'channel_dim=1: expected -4'),
    ):
        with pytest.raises(InputError, match=says):
            frame_shape(torch.zeros(shape), channel_dim)
    with pytest.raises(InputError, match='3 channels'):
        jitter_clips(torch.zeros(1, 2, 4, 8, 8), fixed((0, 1, 2, 3), (1, 1, 1), 0, count=4))
    with pytest.raises(InputError, match='3 channels'):
        grey_clips(torch.zeros(1, 2, 4, 8, 8), torch.ones(1, 4, dtype=torch.bool))
