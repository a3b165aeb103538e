"""Adapters against their formulas."""

import pytest
import torch
import torch.nn.functional as F

from auxskd_mm.errors import InputError
from auxskd_mm.models.adapters import ConvAdapter, MLPAdapter, TemporalAdapter


def test_conv_adapter_is_that_of_pecop():
    torch.manual_seed(0)
    adapter = ConvAdapter(16).double()
    assert {k: tuple(v.shape) for k, v in adapter.state_dict().items()} == {
        'scale': (1, 16, 1, 1, 1),
        'down.weight': (4, 4, 3, 3, 3),
        'down.bias': (4,),
        'up.weight': (16, 4, 1, 1, 1),
        'up.bias': (16,),
    }
    assert torch.equal(adapter.scale, torch.ones_like(adapter.scale))
    adapter.scale.data.normal_()
    x = torch.randn(2, 16, 3, 5, 4, dtype=torch.float64)
    down = torch.zeros(2, 4, 3, 5, 4, dtype=torch.float64)
    padded = F.pad(x, (1,) * 6)
    for group in range(4):
        for t in range(3):
            for h in range(3):
                for w in range(3):
                    window = padded[:, 4 * group : 4 * group + 4, t : t + 3, h : h + 5, w : w + 4]
                    weight = adapter.down.weight[group, :, t, h, w]
                    down[:, group] += (window * weight[None, :, None, None, None]).sum(1)
    down = (down + adapter.down.bias[None, :, None, None, None]).clamp(min=0)
    up = torch.einsum('oc,bcthw->bothw', adapter.up.weight[..., 0, 0, 0], down) + adapter.up.bias[:, None, None, None]
    assert torch.allclose(adapter(x), x + adapter.scale * up)


@pytest.mark.parametrize('width', [256, 480, 512, 528, 832, 1024])
def test_parameter_count_of_pecop(width):
    with torch.device('meta'):
        count = sum(p.numel() for p in ConvAdapter(width).parameters())
    assert count == width * width // 4 + 29.25 * width


def test_default_initialisation_is_that_of_torch():
    for ours, theirs in (
        (lambda: ConvAdapter(8).down, lambda: torch.nn.Conv3d(8, 2, 3, padding=1, groups=2)),
        (lambda: MLPAdapter(8).down, lambda: torch.nn.Linear(8, 2)),
    ):
        torch.manual_seed(3)
        expected = theirs().state_dict()
        torch.manual_seed(3)
        assert all(torch.equal(value, expected[key]) for key, value in ours().state_dict().items())


def test_mlp_adapter_is_the_same_on_tokens_and_maps():
    torch.manual_seed(0)
    adapter = MLPAdapter(8, reduction=2, scale=True)
    adapter.scale.data.normal_()
    tokens = torch.randn(2, 6, 8)
    hidden = F.gelu(tokens @ adapter.down.weight.T + adapter.down.bias)
    expected = tokens + adapter.scale.flatten() * (hidden @ adapter.up.weight.T + adapter.up.bias)
    assert torch.allclose(adapter(tokens), expected, atol=1e-6)
    maps = tokens.transpose(1, 2).reshape(2, 8, 1, 2, 3)
    assert torch.allclose(adapter(maps).flatten(2).transpose(1, 2), expected, atol=1e-6)
    adapter.channels_last = True
    assert torch.allclose(adapter(maps.movedim(1, -1)), expected.reshape(2, 1, 2, 3, 8), atol=1e-6)


def test_temporal_adapter_mixes_frames_of_one_clip_alone():
    torch.manual_seed(0)
    adapter = TemporalAdapter(8, reduction=2)
    clips = torch.randn(2, 8, 5, 3, 2)
    expected = adapter(clips)
    frames = clips.transpose(1, 2).flatten(0, 1)  # (B * T, C, H, W)
    adapter.clips = 2
    assert torch.allclose(adapter(frames), expected.transpose(1, 2).flatten(0, 1), atol=1e-6)
    tokens = frames.flatten(2).transpose(1, 2)  # (B * T, N, C)
    assert torch.allclose(adapter(tokens).transpose(1, 2).reshape(frames.shape), adapter(frames), atol=1e-6)
    changed = clips.clone()
    changed[1, :, 3, 0, 0] += 1
    moved = (adapter(changed) != expected).any(1)  # (B, T, H, W)
    assert moved.nonzero()[:, 1].unique().tolist() == [2, 3, 4]
    assert moved[1, :, 0, 0].sum() == moved.sum() == 3


def test_frames_of_an_unknown_number_of_clips():
    with pytest.raises(InputError, match='set num_frames of the adapter'):
        TemporalAdapter(8)(torch.randn(4, 8, 2, 2))
    assert TemporalAdapter(8, num_frames=2)(torch.randn(4, 8, 2, 2)).shape == (4, 8, 2, 2)


@pytest.mark.parametrize('kind', [ConvAdapter, MLPAdapter, TemporalAdapter])
def test_zero_init_is_the_identity_and_learns(kind):
    adapter = kind(8, zero_init=True)
    x = torch.randn(2, 8, 3, 4, 4)
    assert torch.equal(adapter(x), x)
    adapter(x).square().mean().backward()
    assert adapter.up.weight.grad.abs().sum() > 0
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(adapter(x.bfloat16()), x.bfloat16())
        assert adapter(x.bfloat16()).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(channels=4, reduction=0), 'reduction=0: expected more than 0'),
        (dict(channels=8, kernel_size=2), 'expected an odd number'),
        (dict(channels=8, kernel_size=(3, 3)), 'expected an odd number'),
        (dict(channels=8, activation='Relu'), "activation='Relu': expected ReLU"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InputError, match=message):
        ConvAdapter(**options)
