"""What black and white are."""

from __future__ import annotations

import numpy as np
import pytest

from auxskd_mm.errors import InputError
from auxskd_mm.functional.pixels import as_pictures, check_value_range


def test_black_is_0_and_white_is_255():
    known = check_value_range((100, 300), 'X')
    np.testing.assert_allclose(known.to_scale(np.array([[[100.0], [200], [300]]]))[0, :, 0], [0, 127.5, 255])
    inverted = check_value_range((300, 100), 'X')
    np.testing.assert_allclose(inverted.to_scale(np.array([[[100.0], [300]]]))[0, :, 0], [255, 0])
    values = np.arange(65536, dtype=np.uint16).reshape(1, -1, 1)
    back = known.from_scale(known.to_scale(values))
    assert np.abs(back - values).max() < 0.01


def test_a_pair_for_each_channel():
    known = check_value_range([(0, 10), (0, 100)], 'X')
    assert known.channels == 2
    np.testing.assert_allclose(known.to_scale(np.full((1, 1, 2), 5.0))[0, 0], [127.5, 12.75])


@pytest.mark.parametrize(
    'value',
    [5, (1,), (1, 1), (0, float('nan')), (0, float('inf')), 'dark', ((0, 1), (2,)), ((0, 1), (3, 3)), (), (1, 2, 3)],
)
def test_bad_settings(value):
    with pytest.raises(InputError, match=r'X\.value_range=.*: expected \(black, white\)') as error:
        check_value_range(value, 'X')
    assert '\n' not in str(error.value)


def test_pictures():
    colours = np.random.RandomState(0).randint(0, 256, (2, 4, 4, 3)).astype(np.uint8)
    assert as_pictures(colours) is not None
    np.testing.assert_array_equal(as_pictures(colours), colours)
    for channels in (1, 2, 4, 7):
        deep = np.random.RandomState(0).randint(0, 4096, (2, 4, 4, channels)).astype(np.uint16)
        shown = as_pictures(deep, check_value_range((0, 4095), 'X'))
        assert shown.shape == (2, 4, 4, 3)
        assert shown.dtype == np.uint8
        first = np.round(deep[..., 0] * (255 / 4095))
        assert np.abs(shown[..., 0] - first).max() <= 1
        np.testing.assert_array_equal(
            shown[..., 2],
            shown[..., 0] if channels < 3 else as_pictures(deep[..., 2:3], check_value_range((0, 4095), 'X'))[..., 0],
        )
    spread = as_pictures(np.array([[[[500.0], [501]]]]))
    assert spread[..., 0].ravel().tolist() == [0, 255]
