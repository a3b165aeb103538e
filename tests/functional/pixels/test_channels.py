"""Order and number of channels."""

from __future__ import annotations

import cv2
import mmcv
import numpy as np
import pytest

from auxskd_mm.functional.pixels import ordered, to_channels

GRAY = np.random.RandomState(0).randint(0, 65536, (20, 30, 1)).astype(np.uint16)


@pytest.mark.parametrize('dtype', ['uint8', 'uint16', 'int16', 'float32', 'float64'])
def test_gray_survives_three_channels(dtype):
    gray = (GRAY % 256).astype(dtype)
    three = to_channels(gray, 3)
    assert three.shape == (20, 30, 3)
    assert (three == gray).all()
    back = to_channels(three, 1)
    assert back.dtype == dtype
    np.testing.assert_allclose(back, gray, rtol=0 if dtype[0] in 'iu' else 1e-6)


@pytest.mark.parametrize('dtype', ['uint8', 'int16', 'float64'])
def test_luma_is_that_of_opencv_in_either_order(dtype):
    colour = np.random.RandomState(1).randint(0, 256, (9, 8, 3)).astype(dtype)
    expected = cv2.cvtColor(colour.astype(np.uint8), cv2.COLOR_RGB2GRAY)
    assert np.abs(to_channels(colour, 1)[..., 0] - expected.astype(float)).max() <= 1
    np.testing.assert_allclose(to_channels(colour[..., ::-1].copy(), 1, 'bgr'), to_channels(colour, 1), rtol=1e-12)


def test_other_numbers_are_refused():
    with pytest.raises(ValueError, match=r'has 5 channels, and OpenVideo\.channels=3; set channels=5'):
        to_channels(np.zeros((4, 4, 5)), 3)


def test_only_colours_have_an_order():
    for channels, order in ((1, [0]), (2, [0, 1]), (3, [2, 1, 0]), (4, [2, 1, 0, 3]), (5, [0, 1, 2, 3, 4])):
        frame = np.arange(channels) + np.zeros((2, 2, 1))
        np.testing.assert_array_equal(ordered(frame, 'rgb', 'bgr')[0, 0], order)


def test_resizing_keeps_the_last_dimension_of_gray_frames():
    assert mmcv.imresize(GRAY, (10, 8)).shape == (8, 10, 1)
    np.testing.assert_array_equal(mmcv.imresize(GRAY, (10, 8))[..., 0], cv2.resize(GRAY[..., 0], (10, 8)))
    image, *scales = mmcv.imresize(GRAY, (15, 10), return_scale=True)
    assert (image.shape, scales) == ((10, 15, 1), [0.5, 0.5])


def test_resizing_takes_any_number_of_channels():
    frame = np.random.RandomState(0).randint(0, 4096, (20, 30, 7)).astype(np.uint16)
    for method in ('bilinear', 'area', 'lanczos', 'bicubic', 'nearest'):
        small = mmcv.imresize(frame, (13, 9), interpolation=method)
        for channel in range(7):
            np.testing.assert_array_equal(
                small[..., channel], mmcv.imresize(frame[..., channel].copy(), (13, 9), interpolation=method)
            )
