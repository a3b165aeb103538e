from mmengine.config.lazy import LazyAttr, LazyObject

from auxskd_mm.models.heads import VSPPHead
from auxskd_mm.registry import type_name


def test_a_type_has_one_name_whatever_form_the_config_gives_it():
    lazy = LazyAttr('VSPPHead', LazyObject('auxskd_mm.models.heads'))
    for kind in ('VSPPHead', 'auxskd_mm.VSPPHead', 'mmaction::VSPPHead', VSPPHead, lazy):
        assert type_name(kind) == 'VSPPHead'
    assert type_name(None) == ''
