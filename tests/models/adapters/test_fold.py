"""Folded networks compute what the adapters computed."""

import pytest
import torch
from torch import nn

from auxskd_mm.errors import InputError
from auxskd_mm.models.adapters import add_adapters
from auxskd_mm.models.adapters.fold import fold_into_layers, fold_scales


def network(bias=True, groups=1):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv3d(3, 8, 3, stride=2, padding=1, bias=bias, groups=1),
        nn.ReLU(),
        nn.Conv3d(8, 8, 1, groups=groups),
        nn.Flatten(2),
        Tokens(),
        nn.Linear(8, 6),
    ).double()


class Tokens(nn.Module):
    def forward(self, x):
        return x.transpose(1, 2)


def adapted(patterns, kind, net=None, **options):
    net = net or network()
    add_adapters(net, patterns, dict(type=f'auxskd_mm.{kind}', reduction=2, **options), zero_init=False)
    net.double()
    for adapter in net.adapters.values():
        if adapter.scale is not None:
            nn.init.normal_(adapter.scale)
    return net


def clips():
    return torch.randn(2, 3, 4, 6, 6, dtype=torch.float64)


@pytest.mark.parametrize(
    ('patterns', 'kind', 'options'),
    [
        (['0', '2'], 'ConvAdapter', dict(kernel_size=1, activation=None)),
        (['0', '2', '5'], 'MLPAdapter', dict(activation=None, scale=True)),
        ('5', 'MLPAdapter', dict(activation=None)),
    ],
)
@pytest.mark.parametrize('bias', [True, False])
def test_linear_adapters_become_part_of_the_layer(patterns, kind, options, bias):
    net, x = adapted(patterns, kind, network(bias), **options), clips()
    with torch.no_grad():
        expected = net(x)
        assert not torch.allclose(network(bias)(x), expected)
        assert fold_into_layers(net) == list(patterns)
        assert torch.allclose(net(x), expected, rtol=1e-10, atol=1e-10)
    assert not any('adapters' in key for key in net.state_dict())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


@pytest.mark.parametrize(('kind', 'patterns'), [('ConvAdapter', ['0', '2']), ('MLPAdapter', ['0', '5'])])
def test_scales_become_part_of_the_last_layer(kind, patterns):
    net, x = adapted(patterns, kind, scale=True), clips()
    with torch.no_grad():
        expected = net(x)
        assert fold_scales(net) == patterns
        assert torch.allclose(net(x), expected, rtol=1e-10, atol=1e-10)
    assert fold_scales(net) == []
    assert not any(key.endswith('scale') for key in net.state_dict())
    again = adapted(patterns, kind, scale=False)
    again.load_state_dict(net.state_dict())  # a config with scale=False has these tensors
    with torch.no_grad():
        assert torch.equal(again(x), net(x))


@pytest.mark.parametrize(
    ('patterns', 'kind', 'options', 'net', 'reason'),
    [
        ('0', 'ConvAdapter', dict(kernel_size=1), {}, r'has an activation \(ReLU\)'),
        ('0', 'ConvAdapter', dict(activation=None), {}, 'looks at more than one position'),
        ('0', 'TemporalAdapter', {}, {}, 'looks at more than one position'),
        ('1', 'MLPAdapter', dict(activation=None), {}, 'ReLU is neither a convolution nor a linear layer'),
        ('2', 'MLPAdapter', dict(activation=None), dict(groups=2), 'the convolution has groups'),
    ],
)
def test_what_cannot_be_folded_stays(patterns, kind, options, net, reason):
    built = adapted(['5'], 'MLPAdapter', network(**net), activation=None)
    add_adapters(built, patterns, dict(type=f'auxskd_mm.{kind}', **options))
    before = {key: value.clone() for key, value in built.state_dict().items()}
    with pytest.raises(InputError, match=f"behind '{patterns}' cannot be folded into it: .*{reason}"):
        fold_into_layers(built)
    assert all(torch.equal(value, before[key]) for key, value in built.state_dict().items())


def test_network_without_adapters():
    with pytest.raises(InputError, match='Sequential has none'):
        fold_scales(network())


class Standardised(nn.Conv3d):
    """Computes with a weight whose rows have the norm 1."""

    def forward(self, x):
        return self._conv_forward(
            x, self.weight / self.weight.flatten(1).norm(dim=1).reshape(-1, 1, 1, 1, 1), self.bias
        )


def test_a_layer_that_computes_its_weight_anew_is_refused():
    """Weight standardisation and parametrisations would undo or overwrite what is folded into the stored weight."""
    spectral = network()
    torch.nn.utils.parametrizations.spectral_norm(spectral[0])
    weighted = network()
    weighted[0] = Standardised(3, 8, 3, stride=2, padding=1).double()
    for net in (spectral, weighted):
        net = adapted('0', 'MLPAdapter', net, activation=None)
        expected = net(clips())
        with pytest.raises(
            InputError, match=r"behind '0' cannot be folded into it: .*computes with other weights than"
        ):
            fold_into_layers(net)
        assert net(clips()).shape == expected.shape
        assert len(net.adapters) == 1
