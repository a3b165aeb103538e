"""One checkpoint of base and adapters: from any file of the base, and folded where the mathematics allows it."""

import pytest
import torch
from torch import nn

from auxskd_mm.errors import InputError
from auxskd_mm.functional.adapter_state import BASE_DIGEST, is_adapter_key
from auxskd_mm.functional.transfer import load_checked
from auxskd_mm.registry import MODELS
from auxskd_mm.weight_hash import weight_hash
from auxskd_mm.zoo.merge_adapters import merge_adapters

BACKBONE = dict(type='auxskd_mm.C3DBN', base_channels=2)
LINEAR = dict(patterns='conv*', type='auxskd_mm.MLPAdapter', reduction=2, activation=None, scale=True)


def model_of(backbone):
    return dict(type='Recognizer3D', backbone=backbone, cls_head=dict(type='auxskd_mm.VSPPHead', in_channels=16))


def adapted(adapters, **settings):
    return model_of(dict(type='auxskd_mm.AdaptedBackbone', backbone=dict(BACKBONE, **settings), adapters=adapters))


@pytest.fixture
def trained():
    """A model with linear adapters that change what it computes, in eval mode."""
    torch.manual_seed(0)
    model = MODELS.build(adapted(LINEAR)).eval()
    for key, parameter in model.named_parameters():
        if is_adapter_key(key):
            nn.init.normal_(parameter, std=0.5)
    return model


@pytest.fixture
def files(trained, tmp_path):
    """Adapters as AdapterHook writes them, and the base under MMEngine's names and bare."""
    state = trained.state_dict()
    frozen = {k for k, p in trained.named_parameters() if k.startswith('backbone.') and not is_adapter_key(k)}
    own = {key: value for key, value in state.items() if key not in frozen and 'preprocessor' not in key}
    torch.save(dict(meta={}, state_dict={**own, BASE_DIGEST: weight_hash(state, frozen)}), tmp_path / 'adapters.pth')
    base = {key: value for key, value in state.items() if key.startswith('backbone.') and not is_adapter_key(key)}
    torch.save(dict(state_dict=base), tmp_path / 'base.pth')
    torch.save({key.removeprefix('backbone.'): value for key, value in base.items()}, tmp_path / 'bare.pth')
    return tmp_path


def test_base_under_its_own_names_bare_or_from_the_config(trained, files):
    config = adapted(LINEAR, init_cfg=dict(type='Pretrained', checkpoint=str(files / 'bare.pth')))
    for model, base in ((adapted(LINEAR), 'base.pth'), (adapted(LINEAR), 'bare.pth'), (config, None)):
        target = merge_adapters(model, files / 'adapters.pth', files / f'{base}.m', base and files / base)
        merged = torch.load(target, weights_only=True)['state_dict']
        assert all(torch.equal(value, trained.state_dict()[key]) for key, value in merged.items())
        assert set(merged) == {key for key in trained.state_dict() if 'preprocessor' not in key}


@pytest.mark.parametrize(
    ('fold', 'config'), [('layers', model_of(BACKBONE)), ('scale', adapted(dict(LINEAR, scale=False)))]
)
def test_folded_adapters_compute_the_same(trained, files, fold, config):
    merge_adapters(adapted(LINEAR), files / 'adapters.pth', files / 'm.pth', files / 'base.pth', fold)
    model = MODELS.build(config).eval()
    merged = torch.load(files / 'm.pth', weights_only=True)
    # Adapters that start at zero would hide that a file without any was loaded.
    assert any(is_adapter_key(key) for key in merged['state_dict']) == (fold == 'scale')
    load_checked(model, merged, ('',), 'm.pth')
    clips = torch.randn(2, 3, 16, 32, 32)
    with torch.no_grad():
        expected, found = trained.backbone(clips), model.backbone(clips)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_what_is_refused(files):
    with pytest.raises(InputError, match=r"fold='all': expected one of 'scale', 'layers'"):
        merge_adapters(adapted(LINEAR), files / 'adapters.pth', files / 'x.pth', files / 'base.pth', 'all')
    with pytest.raises(InputError, match='not a checkpoint of adapters alone'):
        merge_adapters(adapted(LINEAR), files / 'base.pth', files / 'x.pth', files / 'base.pth')
    relu = adapted(dict(LINEAR, activation='ReLU'))
    with pytest.raises(InputError, match='cannot be folded into it: it has an activation'):
        merge_adapters(relu, files / 'adapters.pth', files / 'x.pth', files / 'base.pth', 'layers')
    assert not (files / 'x.pth').exists()
