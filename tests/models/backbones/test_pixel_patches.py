"""Patches are the pixels of a square, side by side; nothing is lost and frames stay apart."""

import pytest
import torch

from auxskd_mm.errors import InputError
from auxskd_mm.models.backbones import PixelPatches


def test_patches_by_hand():
    clips = torch.arange(2 * 3 * 2 * 4 * 6, dtype=torch.float32).reshape(2, 3, 2, 4, 6)
    maps = PixelPatches(patch=2)(clips)
    assert maps.shape == (2, 12, 2, 2, 3)
    for b, t, y, x in ((0, 0, 0, 0), (1, 1, 1, 2)):
        square = clips[b, :, t, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2]
        assert maps[b, :, t, y, x].tolist() == square.reshape(-1).tolist()


def test_a_module_goes_on_top_and_has_the_only_weights():
    temporal = dict(type='auxskd_mm.TemporalConvs', channels=4, blocks=1)
    network = PixelPatches(patch=4, temporal=temporal)
    assert network(torch.zeros(1, 3, 2, 8, 8)).shape == (1, 4, 2, 2, 2)
    assert network.out_channels == 4
    assert all(name.startswith('temporal.') for name in network.state_dict())


def test_what_does_not_fit_is_one_line():
    with pytest.raises(InputError, match='multiples'):
        PixelPatches(patch=4)(torch.zeros(1, 3, 2, 8, 10))
    with pytest.raises(InputError, match='patch=0'):
        PixelPatches(patch=0)
