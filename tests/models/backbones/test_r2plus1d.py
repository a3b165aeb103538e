"""The factored convolutions have the widths that the original prints."""

import torch

from auxskd_mm.models.backbones import R2Plus1DVCOP
from auxskd_mm.models.backbones.r2plus1d import FactoredConv3d

# Recorded from the original code: middle channels in the order in which the layers run.
MIDDLES = {
    'conv1': [83],
    'conv2.block1': [144, 144],
    'conv3.block1': [42, 230, 288],
    'conv4.block1': [85, 460, 576],
    'conv5.block1': [170, 921, 1152],
}


def test_middle_widths_of_the_papers():
    with torch.device('meta'):
        network = R2Plus1DVCOP()
    found = {name: [] for name in MIDDLES}
    for name, module in network.named_modules():
        if isinstance(module, FactoredConv3d):
            found['.'.join(name.split('.')[:2])].append(module.bn.num_features)
    assert found == MIDDLES


def test_a_factored_convolution_reaches_as_far_as_a_full_one():
    conv = FactoredConv3d(2, 3, (3, 5, 5), (2, 1, 1)).double().eval()
    x = torch.randn(1, 2, 7, 9, 9, dtype=torch.float64, requires_grad=True)
    y = conv(x)
    assert y.shape == (1, 3, 4, 9, 9)
    y[0, :, 2, 4, 4].sum().backward()  # frame 4 of the input, rows and columns 2 to 6, two channels
    reached = x.grad.abs().sum((0, 1)) > 0
    wanted = torch.zeros(7, 9, 9, dtype=torch.bool)
    wanted[3:6, 2:7, 2:7] = True
    assert not (reached & ~wanted).any()
    assert reached[3:6].any()
    assert {name for name, _ in conv.named_parameters()} == {
        'spatial_conv.weight',
        'temporal_conv.weight',
        'bn.weight',
        'bn.bias',
    }
