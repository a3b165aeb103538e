"""torchvision's networks without heads: what they yield, pooled and given to the head, is the whole network's answer."""

import pytest
import torch
import torchvision.models.video as zoo

from auxskd_mm.errors import InputError
from auxskd_mm.models.backbones import TorchvisionVideoBackbone
from auxskd_mm.registry import MODELS


@torch.no_grad()
def shaken(network):
    generator = torch.Generator().manual_seed(3)
    for key, value in network.state_dict().items():
        if value.is_floating_point():
            noise = torch.empty_like(value).uniform_(-0.1, 0.1, generator=generator)
            value += noise.abs() if key.endswith('running_var') else noise
    return network.eval()


@pytest.mark.parametrize(
    ('name', 'head', 'channels', 'size'),
    [
        ('r2plus1d_18', 'fc', 512, (4, 24, 24)),
        ('s3d', 'classifier', 1024, (16, 64, 64)),
        ('swin3d_t', 'head', 768, (4, 32, 32)),
    ],
)
def test_weight_files_load_and_compute_what_torchvision_computes(name, head, channels, size, tmp_path):
    theirs = shaken(getattr(zoo, name)(num_classes=3))
    torch.save(theirs.state_dict(), tmp_path / 'x.pth')
    init = dict(type='Pretrained', checkpoint=str(tmp_path / 'x.pth'))
    ours = MODELS.build(dict(type='auxskd_mm.TorchvisionVideoBackbone', model=name, init_cfg=init))
    ours.init_weights()
    ours.eval()
    clips = torch.rand(1, 3, *size)
    fed = []
    last = theirs.features if name == 's3d' else getattr(theirs, head)
    last.register_forward_hook(lambda module, args, out: fed.append(out if name == 's3d' else args[0]))
    with torch.no_grad():
        if name == 's3d':
            theirs.avgpool = torch.nn.Identity()
        theirs(clips)
        found = ours(clips)
    assert found.ndim == 5
    assert found.shape[1] == channels == ours.out_channels
    found = found if name == 's3d' else found.mean((2, 3, 4))
    torch.testing.assert_close(found, fed[0], rtol=1e-5, atol=1e-6 * fed[0].abs().max().item())


def test_mvit_yields_the_class_token_and_takes_one_size():
    with torch.device('meta'):  # shapes without the 70 G multiplications
        network = TorchvisionVideoBackbone('mvit_v2_s').eval()
        assert network.out_channels == 768
        with pytest.raises(InputError, match=r'clips of \(8, 64, 64\) .* give it 16 frames at 224 x 224'):
            network(torch.rand(1, 3, 8, 64, 64))
        assert network(torch.rand(1, 3, 16, 224, 224)).shape == (1, 768)


@pytest.mark.parametrize(
    ('kwargs', 'says'),
    [
        (dict(model='r3d_50'), "model='r3d_50': no video network of torchvision; expected one of mc3_18, "),
        (dict(weights='DEFAULT'), 'weights would download'),
        (dict(depth=3), r"model='r3d_18': torchvision refuses its arguments \(.*depth"),
    ],
)
def test_a_wrong_name_or_argument_gets_one_line(kwargs, says):
    with pytest.raises(InputError, match=says):
        TorchvisionVideoBackbone(**kwargs)
