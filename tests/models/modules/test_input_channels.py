"""The same network on other numbers of channels: equal channels give what equal colours give."""

import pytest
import torch
from torch import nn

from auxskd_mm.errors import InputError
from auxskd_mm.models.modules.input_channels import check_input, input_channels, set_input_channels


def network(seed=0, **settings):
    torch.manual_seed(seed)
    first = nn.Conv3d(3, 6, 3, stride=(1, 2, 2), padding=1, dilation=(1, 2, 1), **settings)
    return nn.Sequential(nn.Sequential(first, nn.ReLU()), nn.Conv3d(6, 4, 1))


@pytest.mark.parametrize('channels', [1, 2, 3, 5])
@pytest.mark.parametrize('settings', [{}, dict(bias=False), dict(padding_mode='replicate')])
def test_equal_channels_give_what_equal_colours_give(channels, settings):
    grey = torch.randn(2, 1, 4, 9, 9)
    changed = network(**settings)
    random_state = torch.get_rng_state()
    set_input_channels(changed, channels, 'X')
    assert input_channels(changed) == channels
    expected = network(**settings)(grey.expand(-1, 3, -1, -1, -1))
    assert torch.allclose(changed(grey.expand(-1, channels, -1, -1, -1)), expected, atol=1e-5)
    if channels == 3:
        assert torch.equal(torch.get_rng_state(), random_state)


def test_channels_a_network_takes():
    assert input_channels(nn.Linear(2, 2)) == 3  # nothing says otherwise
    known = nn.Conv3d(7, 2, 1)
    known.in_channels = 5
    assert input_channels(known) == 5


def test_what_has_no_first_convolution_of_colours_is_named():
    grouped = nn.Sequential(nn.Conv3d(3, 6, 1, groups=3))
    for bare in (nn.Sequential(nn.Linear(2, 2)), nn.Sequential(nn.Conv3d(4, 2, 1)), grouped, nn.Conv3d(3, 2, 1)):
        with pytest.raises(InputError, match=r'X\.in_channels=2: the network has no first convolution of 3 channels'):
            set_input_channels(bare, 2, 'X')
    for wrong in (0, 1.0, True):
        with pytest.raises(InputError, match=rf'X\.in_channels={wrong}: expected a whole number from 1 on'):
            set_input_channels(network(), wrong, 'X')


def test_inputs_of_another_shape_are_named():
    check_input(3, torch.zeros(1, 3, 4, 8, 8), 'X')
    with pytest.raises(InputError, match=r'\(X\) takes clips \(B, C, T, H, W\), got \(3, 4, 8, 8\)'):
        check_input(3, torch.zeros(3, 4, 8, 8), 'X')
    with pytest.raises(InputError, match='2'):
        check_input(3, torch.zeros(1, 2, 4, 8, 8), 'X')
