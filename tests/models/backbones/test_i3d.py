"""The Inception I3D: padding by a slower way, names, sizes, freezing and the Kinetics file."""

import pytest
import torch
import torch.nn.functional as F
from conftest import recorded

from auxskd_mm.errors import InputError
from auxskd_mm.models.backbones import I3DInception
from auxskd_mm.models.backbones.i3d import _Conv

RECORD = recorded('pecop_i3d')


def small(**settings):
    torch.manual_seed(0)
    return I3DInception(width=1 / 16, **settings)


def test_names_shapes_and_order_are_those_of_the_original():
    with torch.device('meta'):
        own = {key: list(value.shape) for key, value in I3DInception().state_dict().items()}
    theirs = {
        key.removeprefix('model.'): shape
        for key, shape in RECORD['shapes'].items()
        if key.startswith('model.') and 'tuning_module' not in key and 'conv3d_0c_1x1' not in key
    }
    assert list(own.items()) == list(theirs.items())
    assert len(own) == 342


def test_the_stem_pads_zeros_two_before_and_three_after():
    conv = _Conv(2, 3, (7, 7, 7), (2, 2, 2)).double().eval()
    x = torch.randn(1, 2, 8, 10, 10, dtype=torch.float64)
    # Output position i sees the inputs 2i - 2 .. 2i + 4; those outside are zero.
    weight = conv.conv3d.weight
    got = conv(x)
    assert got.shape == (1, 3, 4, 5, 5)
    for t, h, w in ((0, 0, 0), (3, 4, 4), (1, 2, 0), (3, 0, 2)):
        total = torch.zeros(3, dtype=torch.float64)
        for i in range(7):
            for j in range(7):
                for k in range(7):
                    at = (2 * t - 2 + i, 2 * h - 2 + j, 2 * w - 2 + k)
                    if all(0 <= a < size for a, size in zip(at, x.shape[2:])):
                        total += weight[:, :, i, j, k] @ x[0, :, at[0], at[1], at[2]]
        assert torch.allclose(got[0, :, t, h, w], F.relu(total / (1 + 1e-5) ** 0.5), atol=1e-10)


def test_epsilon_reaches_every_norm():
    norms = [m for m in small(bn_eps=1e-3).modules() if isinstance(m, torch.nn.BatchNorm3d)]
    assert len(norms) == 57
    assert {m.eps for m in norms} == {1e-3}
    assert {m.eps for m in small().modules() if isinstance(m, torch.nn.BatchNorm3d)} == {1e-5}


@pytest.mark.parametrize(('frames', 'times'), [(16, 2), (32, 4), (8, 1)])
def test_map_sizes(frames, times):
    network = small().eval()
    with torch.no_grad():
        assert network(torch.randn(1, 3, frames, 64, 96)).shape == (1, network.out_channels, times, 2, 3)


def test_frozen_stages_keep_weights_and_statistics():
    network = small(frozen_stages=1).train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    network(torch.randn(2, 3, 8, 32, 32)).sum().backward()
    moved = {key.split('.')[0] for key, value in network.state_dict().items() if not torch.equal(value, before[key])}
    assert moved == {name for name in dict(network.named_children()) if name.startswith(('mixed_4', 'mixed_5'))}
    assert all((p.grad is None) == n.startswith(('conv3d', 'mixed_3')) for n, p in network.named_parameters())


def test_the_kinetics_file_loads_as_it_is_and_a_wrong_one_does_not(tmp_path):
    """Flat names with a classifier, and without counters as old torch wrote them."""
    original = small()
    state = {key: torch.rand_like(value.float()) for key, value in original.state_dict().items()}
    state = {key: value for key, value in state.items() if not key.endswith('num_batches_tracked')}
    classifier = {
        'conv3d_0c_1x1.conv3d.weight': torch.zeros(400, 64, 1, 1, 1),
        'conv3d_0c_1x1.conv3d.bias': torch.ones(400),
    }
    torch.save({**state, **classifier}, tmp_path / 'model_rgb.pth')
    network = small(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'model_rgb.pth')))
    network.init_weights()
    assert all(torch.equal(network.state_dict()[key], value) for key, value in state.items())
    del state['mixed_4c.branch_2.1.conv3d.weight']
    torch.save(state, tmp_path / 'short.pth')
    network = small(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'short.pth')))
    with pytest.raises(InputError, match=r'short\.pth: only 284 of 285 .*mixed_4c\.branch_2\.1\.conv3d\.weight'):
        network.init_weights()


@pytest.mark.parametrize(
    ('settings', 'says'),
    [
        (dict(bn_eps=0), r'I3DInception\.bn_eps=0'),
        (dict(width=0), r'I3DInception\.width=0'),
        (dict(stage_blocks=(2, 6, 2)), r'I3DInception\.stage_blocks=\(2, 6, 2\): expected three numbers'),
        (dict(frozen_stages=4), r'I3DInception\.frozen_stages=4'),
    ],
)
def test_settings_out_of_range(settings, says):
    with pytest.raises(InputError, match=says):
        I3DInception(**settings)
