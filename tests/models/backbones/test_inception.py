"""TensorFlow's max-pool by a slower way."""

import pytest
import torch

from auxskd_mm.models.backbones.inception import SameMaxPool


def same_max_pool(x, kernel, stride):
    """TensorFlow's way in one dimension at a time: pad k - s zeros, round up."""
    for dim, (k, s) in enumerate(zip(kernel, stride), 2):
        rows = x.unbind(dim)
        zero = torch.zeros_like(rows[0])
        front = max(k - s, 0) // 2
        padded = [zero] * front + list(rows) + [zero] * (max(k - s, 0) - front)
        starts = range(0, max(len(padded) - k, 0) + s, s)
        windows = [padded[i : i + k] for i in starts if i < len(padded)]
        x = torch.stack([torch.stack(window).amax(0) for window in windows], dim)
    return x


@pytest.mark.parametrize(('kernel', 'stride'), [((1, 3, 3), (1, 2, 2)), ((3, 3, 3), (2, 2, 2)), ((2, 2, 2), (2, 2, 2))])
@pytest.mark.parametrize('sizes', [(4, 8, 8), (5, 7, 9)])
def test_max_pool(kernel, stride, sizes):
    x = torch.randn(2, 3, *sizes) - 3  # mostly below zero, so that a padded zero shows
    assert torch.equal(SameMaxPool(kernel, stride)(x), same_max_pool(x, kernel, stride))
