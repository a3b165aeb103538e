"""Frame-by-frame jitter in OpenCV, compared with torchvision and with the tensor version."""

import itertools

import numpy as np
import pytest
import torch
from jitter_oracle import colourful_frames, jitter_all

from auxskd_mm.errors import InputError
from auxskd_mm.functional.jitter_params import JitterParams, draw_jitter, draw_jitter_batch, jitter_settings
from auxskd_mm.functional.photometric import jitter_clips
from auxskd_mm.functional.photometric_cv import grey_frames, jitter_array, jitter_frames
from auxskd_mm.functional.pixels.value_range import ValueRange

SETTINGS = jitter_settings(0.8, 0.8, 0.8, 0.5, p=0.8)
# In grey levels, before rounding. The specification asks for one level; what is reached is far below.
TOLERANCE = 0.02


def draw(count, settings=SETTINGS, seed=0):
    return draw_jitter(settings, 1, count, np.random.RandomState(seed))


def test_equal_to_torchvision_and_rounded_once():
    frames = colourful_frames(90)
    before = frames.copy()
    params = draw(90)
    ours = np.stack(jitter_frames(list(frames), params))
    assert np.array_equal(frames, before)
    assert ours.dtype == np.uint8
    expected = jitter_all(frames, params)
    # Half a level from the one rounding; rounding after every operation goes beyond that.
    assert np.abs(ours - expected).max() <= 0.5 + TOLERANCE
    exact = np.stack(jitter_frames(list(frames.astype(np.float32)), params))
    assert exact.dtype == np.float32
    assert np.abs(exact - expected).max() < TOLERANCE
    assert np.array_equal(ours, np.rint(exact))


def test_unit_range():
    frames = list(colourful_frames(60).astype(np.float32) / 255)
    ours = np.stack(jitter_frames(frames, draw(60), value_range=ValueRange((0.0,), (1.0,))))
    assert np.abs(ours - jitter_all(frames, draw(60), 1.0)).max() * 255 < TOLERANCE
    assert ours.min() >= -1e-6
    assert ours.max() <= 1 + 1e-6


@pytest.mark.parametrize('kind', [np.float32, np.int16])
def test_values_beyond_black_and_white_become_these_before_the_jitter(kind):
    frames = (np.random.RandomState(0).rand(60, 9, 8, 3) * 900 - 200).astype(kind)
    for settings in (SETTINGS, jitter_settings(brightness=(0.5, 0.9)), jitter_settings(hue=0.5)):
        params = draw(60, settings)
        ours = np.stack(jitter_frames(list(frames), params, value_range=ValueRange((0.0,), (510.0,))))
        expected = jitter_all(frames.clip(0, 510) / 2, params)[params.apply] * 2
        rounding = 0.5 if kind == np.int16 else 0
        assert np.abs(ours[params.apply] - expected).max() < rounding + 2 * TOLERANCE
        np.testing.assert_array_equal(ours[~params.apply], frames[~params.apply])


def test_every_order_and_the_ends_of_the_ranges():
    frames = list(colourful_frames(24, 6, 5).astype(np.float32))
    orders = np.array(list(itertools.permutations(range(4))))
    for factors, hue in (((0, 0, 0), 0.5), ((2, 2, 2), -0.5), ((1, 1, 1), 0.0), ((0.2, 1.8, 0.2), 0.2), ((3, 0, 9), 0)):
        params = JitterParams(np.ones(24, bool), orders, np.tile(factors, (24, 1)), np.full(24, hue))
        assert np.abs(np.stack(jitter_frames(frames, params)) - jitter_all(frames, params)).max() < TOLERANCE


@pytest.mark.parametrize('channels', [1, 2, 5])
def test_other_numbers_of_channels_are_each_jittered_as_a_grey_image_is(channels):
    frames = (np.random.RandomState(0).rand(24, 9, 8, channels) * 255).astype(np.float32)
    params = draw(24, jitter_settings(0.8, 0.8, p=0.8))
    ours = np.stack(jitter_frames(list(frames), params))
    for channel in range(channels):
        grey = np.repeat(frames[..., channel, None], 3, axis=-1)  # torchvision's mean of it is that of the channel
        expected = jitter_all(grey, params)[..., 0]
        assert np.abs(ours[..., channel] - expected).max() < TOLERANCE


def test_frames_left_out_are_the_same_objects():
    frames = list(colourful_frames(20))
    params = draw(20, jitter_settings(0.8, 0.8, 0.8, 0.2, p=0.5))
    ours = jitter_frames(frames, params)
    assert [a is b for a, b in zip(ours, frames)] == (~params.apply).tolist()
    assert 0 < params.apply.sum() < 20


def test_crops_and_flips_that_are_views():
    frames = colourful_frames(6, 20, 30)
    views = [frame[3:14, 4:25][:, ::-1] for frame in frames]
    ours = np.stack(jitter_frames(views, draw(6)))
    assert np.abs(ours - jitter_all(views, draw(6))).max() <= 0.5 + TOLERANCE


@pytest.mark.parametrize(('channel_axis', 'axes'), [(-4, (0, 4, 1, 2, 3)), (-3, (0, 1, 4, 2, 3))])
@pytest.mark.parametrize('kind', [np.uint8, np.float32])
def test_clips_equal_the_tensor_version(channel_axis, axes, kind):
    clips = colourful_frames(2 * 30).reshape(2, 30, 13, 10, 3).transpose(axes).astype(kind)
    before = clips.copy()
    params = draw_jitter_batch(SETTINGS, (2, 30), generator=torch.Generator().manual_seed(0))
    ours = jitter_array(clips, params.arrays(), channel_axis)
    assert np.array_equal(clips, before)
    assert ours.dtype == np.float32
    assert np.abs(ours - jitter_clips(torch.from_numpy(clips), params, channel_axis).numpy()).max() < TOLERANCE
    flat = JitterParams(*(array.reshape(60, *array.shape[2:]) for array in params.arrays()))
    frames = list(clips.transpose(np.argsort(axes)).reshape(60, 13, 10, 3))
    listed = np.stack(jitter_frames([frame.astype(np.float32) for frame in frames], flat))
    assert np.array_equal(ours.transpose(np.argsort(axes)).reshape(60, 13, 10, 3), listed)


def test_white_black_and_grey():
    frames = [np.full((4, 5, 3), value, np.uint8) for value in (255, 0, 128)]
    no_colour = JitterParams(
        np.ones(3, bool), np.tile((3, 2, 0, 1), (3, 1)), np.tile((1, 1, 0.3), (3, 1)), np.full(3, 0.37)
    )
    assert [np.unique(f).tolist() for f in jitter_frames(frames, no_colour)] == [[255], [0], [128]]
    bright = no_colour._replace(factors=np.tile((1.8, 1, 1), (3, 1)), hue=np.zeros(3))
    assert [np.unique(f).tolist() for f in jitter_frames(frames, bright)] == [[255], [0], [230]]


@pytest.mark.parametrize('hue', [-0.5, -0.25, 0.25, 0.5])
def test_hue_goes_round_the_circle(hue):
    frames = [
        np.full((4, 5, 3), colour, np.float32) for colour in ((255, 0, 10), (10, 255, 0), (0, 10, 255), (255, 0, 250))
    ]
    params = JitterParams(np.ones(4, bool), np.tile((3, 0, 1, 2), (4, 1)), np.ones((4, 3)), np.full(4, hue))
    once = jitter_frames(frames, params)
    assert np.abs(np.stack(once) - jitter_all(frames, params)).max() < TOLERANCE
    for _ in range(round(1 / abs(hue)) - 1):
        once = jitter_frames(once, params)
    assert np.abs(np.stack(once) - np.stack(frames)).max() < TOLERANCE


def test_grey():
    frames = list(colourful_frames(4))
    ours = grey_frames(frames, np.array([True, False, True, True]))
    assert ours[1] is frames[1]
    for i in (0, 2, 3):
        luma = (frames[i] @ np.array((0.2989, 0.587, 0.114)))[..., None]
        assert ours[i].dtype == np.uint8
        assert np.abs(ours[i] - luma).max() <= 0.5 + TOLERANCE
        exact = grey_frames([frames[i].astype(np.float32)], np.array([True]))[0]
        assert exact.shape == frames[i].shape
        assert np.abs(exact - luma).max() < TOLERANCE
        deep = grey_frames([frames[i].astype(np.uint16) * 100], np.array([True]))[0]
        assert deep.dtype == np.uint16
        assert np.abs(deep - luma * 100).max() <= 0.5 + TOLERANCE * 100


def test_frames_of_another_shape():
    with pytest.raises(InputError, match=r'expected \(height, width, 3\)'):
        jitter_frames([np.zeros((4, 4), np.uint8)], draw(1, jitter_settings(0.5)))
    for shape in ((4, 4), (4, 4, 1), (3, 4, 4)):
        with pytest.raises(InputError, match=r'expected \(height, width, 3\)'):
            grey_frames([np.zeros(shape, np.uint8)], np.array([True]))
