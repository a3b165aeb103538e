"""Adapters in a state dict: whose tensors they are, and the base that they belong to."""

import hashlib

import pytest
import torch

from auxskd_mm.errors import InputError
from auxskd_mm.functional.adapter_state import BASE_DIGEST, is_adapter_key, with_base
from auxskd_mm.weight_hash import hex_digits, weight_hash

BASE = {'backbone.a.weight': torch.arange(6.0).reshape(2, 3), 'backbone.b': torch.tensor(7)}
OWN = {'backbone.adapters.a.up.weight': torch.ones(2), 'backbone.bn.running_mean': torch.ones(3)}


def file_for(base):
    return {**OWN, BASE_DIGEST: weight_hash(base, base)}


def test_keys_of_adapters():
    assert is_adapter_key('backbone.adapters.conv2.up.weight')
    assert is_adapter_key('adapters.conv2.scale')
    assert not is_adapter_key('backbone.adapters')  # a tensor, not the bank
    assert not is_adapter_key('backbone.my_adapters.weight')


def test_digest_by_hand():
    digest = hashlib.sha256()
    digest.update(b'backbone.a.weight torch.float32 (2, 3)' + BASE['backbone.a.weight'].numpy().tobytes())
    digest.update(b'backbone.b torch.int64 ()' + BASE['backbone.b'].numpy().tobytes())
    found = weight_hash(BASE, reversed(BASE))
    assert bytes(found.tolist()) == digest.digest()
    assert hex_digits(found) == digest.hexdigest()[:12]


@pytest.mark.parametrize(
    'other',
    [
        {'backbone.a.weight': BASE['backbone.a.weight'].T.reshape(2, 3)},
        {'backbone.a.weight': BASE['backbone.a.weight'].reshape(3, 2)},
        {'backbone.a.weight': BASE['backbone.a.weight'].double()},
        {'backbone.b': torch.tensor(8)},
    ],
)
def test_another_value_shape_or_type_is_another_base(other):
    model = {**BASE, **other, **OWN}
    with pytest.raises(
        InputError, match=r'x\.pth: adapters for a base with SHA-256 \w{12}, but the model holds \w{12}'
    ):
        with_base(file_for(BASE), model, 'x.pth')


@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_the_base_of_the_model_completes_the_file(prefix):
    file = {prefix + key if key != BASE_DIGEST else key: value for key, value in file_for(BASE).items()}
    model = {**BASE, **{key: torch.zeros_like(value) for key, value in OWN.items()}, 'cls_head.weight': torch.zeros(1)}
    whole = with_base(file, model, 'x.pth')
    assert set(whole) == {*BASE, *OWN}
    assert all(whole[key] is value for key, value in {**BASE, **OWN}.items())


def test_other_files_and_models():
    assert with_base(BASE, {}, 'x.pth') is BASE
    with pytest.raises(
        InputError, match=r'an adapter checkpoint, but the model has no backbone\.adapters\.a\.up\.weight'
    ):
        with_base(file_for(BASE), BASE, 'x.pth')
