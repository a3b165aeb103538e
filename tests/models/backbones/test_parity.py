"""The networks against logits recorded from the original code; weights and clips come from tests/data/seeded.py."""

import pytest
import seeded
import torch
from conftest import recorded

from auxskd_mm.models.backbones import C3DBN, R3DVCOP, S3DG, R2Plus1DVCOP

CASES = {
    'backbone_r3d': (R3DVCOP, 14_361_792, 'linear'),
    'backbone_c3d': (C3DBN, 27_661_440, 'linear'),
    'backbone_s3d_g': (S3DG, 9_125_072, 'fc'),
}


def load(network, record, classifier):
    """Network with the seeded weights, and the classifier's weight and bias."""
    state = seeded.state_dict(record['seed'], record['shapes'])
    weight, bias = (state.pop(f'{classifier}.{name}') for name in ('weight', 'bias'))
    network.load_state_dict({key: value for key, value in state.items() if not key.startswith('linear_segment')})
    return weight, bias


@pytest.mark.parametrize('name', CASES)
def test_logits_in_eval_and_train_mode(name):
    kind, parameters, classifier = CASES[name]
    record, network = recorded(name), kind()
    assert sum(p.numel() for p in network.parameters()) == parameters
    weight, bias = load(network, record, classifier)
    clips = seeded.clips(record['seed'], 'eval', record['batch'])
    for mode in ('eval', 'train'):
        network.train(mode == 'train')
        with torch.no_grad():
            maps = network(clips)
        assert maps.shape[1] == network.out_channels
        wanted = torch.tensor(record[f'{mode}_logits'])
        logits = maps.mean((2, 3, 4)) @ weight.T + bias
        assert torch.allclose(logits, wanted, rtol=0, atol=2e-4 * wanted.abs().max().item()), mode


def test_r2plus1d_has_the_width_and_size_of_the_papers():
    network = R2Plus1DVCOP()
    assert sum(p.numel() for p in network.parameters()) == 14_365_303
    assert len(network.state_dict()) == 144
    with torch.no_grad():
        assert network(torch.zeros(1, 3, 16, 112, 112)).shape == (1, 512, 2, 7, 7)
