"""R3D's own part: a full convolution without bias; the network is in test_residual.py and test_parity.py."""

import torch
import torch.nn.functional as F

from auxskd_mm.models.backbones.r3d import FullConv3d


def test_it_is_a_padded_convolution_without_bias():
    conv = FullConv3d(2, 3, (3, 7, 1), (1, 2, 2))
    x = torch.randn(1, 2, 4, 10, 10)
    assert list(conv.state_dict()) == ['temporal_spatial_conv.weight']
    weight = conv.temporal_spatial_conv.weight
    assert torch.equal(conv(x), F.conv3d(x, weight, None, (1, 2, 2), (1, 3, 0)))
