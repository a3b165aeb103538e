"""Names that a reader of the documentation guesses."""

from pathlib import Path

import pytest

import auxskd_mm
from auxskd_mm import apis, models
from auxskd_mm.apis.inferencer import config_name
from auxskd_mm.errors import InputError

CONFIGS = Path(auxskd_mm.__file__).parents[1] / 'configs'


def test_classes_come_from_models_itself():
    for package in ('backbones', 'data_preprocessors', 'heads', 'losses', 'modules', 'pretext', 'wrappers'):
        inner = getattr(models, package)
        for name in inner.__all__:
            assert getattr(models, name) is getattr(inner, name)
    assert models.VSPPHead.__name__ == 'VSPPHead'


def test_functions_that_draw_come_from_apis_itself():
    from auxskd_mm.apis import browse_clips
    from auxskd_mm.apis.pictures.browse_clips import browse_clips as same

    assert browse_clips is same
    for name in apis._PICTURES:
        assert callable(getattr(apis, name)), name
        assert name in dir(apis)
    with pytest.raises(AttributeError, match='no_such_name'):
        apis.no_such_name  # noqa: B018


def test_a_config_is_found_by_its_name_in_a_clone():
    assert Path(config_name('vspp_r21d_k100')).samefile(CONFIGS / 'vspp_r21d_k100.py')
    assert Path(config_name('finetune_r21d_ucf101')).samefile(CONFIGS / 'downstream' / 'finetune_r21d_ucf101.py')
    assert Path(config_name('demo/vspp_motion')).samefile(CONFIGS / 'demo' / 'vspp_motion.py')
    assert config_name('own.py') == 'own.py'
    assert config_name('mmaction::a/b.py') == 'mmaction::a/b.py'
    with pytest.raises(InputError, match=r'no config vspp_r21d_k10\.py.*such as vspp_r21d_k100'):
        config_name('vspp_r21d_k10')
